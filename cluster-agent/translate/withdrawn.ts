import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { podUid, type ServiceKey } from '../keys/names.ts';
import type { Derivation } from './derivation.ts';
import { entriesOfForms, workloadEntryUid } from './workload-entries.ts';
import type { World } from './world.ts';

interface Withdrawn {
  readonly services: ReadonlySet<string>;
}

/** Of a local workload the services whose own clients leave it alone, by its uid. */
export const withdrawn: Derivation<string, { readonly services: readonly string[] }, Withdrawn> = {
  name: 'withdrawn',
  reads: new Set(['resource', 'withdrawal']),
  keys: ({ derived }) => derived.snapshot.workloads.keys(),
  wakes(touched, _forms, world) {
    switch (touched.kind) {
      case 'resource':
        return touched.type === typeUrls.address ? [touched.name] : [];
      case 'withdrawal':
        return workloadsBehind(touched.service, world);
      default:
        return [];
    }
  },
  inputs(uid, { derived }) {
    const workload = derived.snapshot.workloads.get(uid);
    // What stands for endpoints elsewhere is no local endpoint.
    if (!workload || workload.networkGateway) return undefined;
    const services = [...workload.services.keys()].filter((key) => derived.distribution(key)?.withdrawLocal);
    return services.length > 0 ? { services } : undefined;
  },
  derive: ({ services }) => ({ services: new Set(services) }),
  records: (name, { services }) => [{ part: 'withdrawn', name, record: services }],
};

function* workloadsBehind(key: ServiceKey, { view, facts, derived }: World): Iterable<string> {
  const service = view.service(key);
  if (!service) return;
  for (const pod of view.selectedBy(service)) yield podUid(facts.cluster, pod);
  for (const entry of entriesOfForms([service], view)) yield workloadEntryUid(facts.cluster, entry);
  for (const { metadata, endpoints } of view.slicesOf(service)) {
    const found = derived.slice(`${metadata.namespace}/${metadata.name}`);
    yield* found?.workloads.keys() ?? [];
    for (const { pod } of endpoints) {
      const named = view.podNamed(pod);
      if (named) yield podUid(facts.cluster, named);
    }
  }
}
