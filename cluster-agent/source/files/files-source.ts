import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Source, SourceEvent } from '../source.ts';
import type { Allocations } from './allocations.ts';
import { Folder } from './folder.ts';
import { defaultProbe, Prober } from './probe.ts';

interface Deps {
  readonly folder: string;
  readonly allocations: Allocations;
  /** From where pods are probed. */
  readonly localAddress: string;
  readonly clock: Clock;
}

const appAddress = 'isthmus.io/app-address';

/**
 * A folder of manifests as a cluster: it gives pods their addresses, as a network plugin would, and owns their Ready
 * condition, as a kubelet would.
 */
export function filesSource({ folder, allocations, localAddress, clock }: Deps): Source {
  const files = new Folder(folder);
  const pods = new Map<string, { pod: PodObject; prober: Prober | undefined }>();

  return {
    run(emit, signal) {
      const placed = (pod: PodObject): PodObject => {
        const owner = `${pod.metadata.namespace}/${pod.metadata.name}`;
        const app = pod.metadata.annotations[appAddress] ?? allocations.get('apps', owner);
        const annotations = { ...pod.metadata.annotations, [appAddress]: app };
        return {
          ...pod,
          podIP: pod.podIP === '' ? allocations.get('pods', owner) : pod.podIP,
          metadata: { ...pod.metadata, annotations },
        };
      };
      const watchPod = (id: string, pod: PodObject): PodObject => {
        const before = pods.get(id);
        before?.prober?.stop();
        const probe = pod.readinessProbe ?? defaultProbe(pod);
        const known = {
          pod: { ...pod, ready: before?.pod.ready ?? probe === undefined },
          prober: undefined as Prober | undefined,
        };
        pods.set(id, known);
        const target = { address: pod.metadata.annotations[appAddress] ?? '', localAddress };
        known.prober =
          probe &&
          new Prober(pod, probe, target, clock, (ready) => {
            known.pod = { ...known.pod, ready };
            emit([{ type: 'upsert', id, object: known.pod }]);
          });
        return known.pod;
      };
      const enrich = (event: SourceEvent): SourceEvent => {
        if (event.type === 'upsert' && event.object.kind === 'Pod')
          return { ...event, object: watchPod(event.id, placed(event.object)) };
        if (event.type === 'remove') {
          pods.get(event.id)?.prober?.stop();
          pods.delete(event.id);
        }
        return event;
      };
      const look = () => {
        const events = files.scan().map(enrich);
        if (events.length > 0) emit(events);
      };
      look();
      emit([{ type: 'synced' }]);
      files.watch(clock, look, signal);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          for (const { prober } of pods.values()) prober?.stop();
          resolve();
        });
      });
    },
  };
}
