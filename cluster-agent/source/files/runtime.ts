import { join } from 'node:path';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import type { Sealing } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Health } from '../../health/tracker.ts';
import type { PodKey } from '../../keys/names.ts';
import { every } from '../../publish/due-times.ts';
import type { ClusterRuntime } from '../../runtime/cluster-runtime.ts';
import { Journal } from '../../state/journal.ts';
import { StateFile } from '../../state/state-file.ts';
import type { HubResources } from '../../view/hub-resources.ts';
import type { ClusterView } from '../../view/cluster-view.ts';
import { addressConditions, shareRefusalConditions } from './address-conditions.ts';
import { FilesAddresses } from './addresses.ts';
import { Allocations } from './allocations.ts';
import { askFrom } from './ask.ts';
import { filesSource } from './files-source.ts';
import { Folder } from './folder.ts';
import { LastGood } from './last-good.ts';
import { PodFiles } from './pod-files/pod-files.ts';
import { PodFilesWriter } from './pod-files/writer.ts';
import { portConditions } from './port-conditions.ts';
import { PortTrials, type TryBind } from './port-trials.ts';
import { ProjectedTokens } from './tokens.ts';

export interface FilesOptions {
  /** The folder of YAML that is the cluster. */
  readonly manifests: string;
  /** A /20 of loopback addresses to allocate from. */
  readonly addresses: string;
  /** Where probes come from. */
  readonly localAddress: string;
  /** Finds out which ports proxies can bind. */
  readonly tryBind: TryBind;
}

interface Deps {
  readonly stateDir: string;
  readonly sealing: Sealing;
  readonly view: ClusterView;
  /** What other clusters have of services. */
  readonly hub: Pick<HubResources, 'remotesIn' | 'remotesOf' | 'remoteServices'>;
  readonly health: () => Pick<Health, 'of'>;
  /** Keys of services that proxies have; undefined before the cluster is listed. */
  readonly services: () => { has(key: string): boolean } | undefined;
  /** Whether this port can be bound is another answer now. */
  readonly onPort: (port: number) => void;
  /** A proxy has the virtual address of a service that it had waited for. */
  readonly onVips: (client: PodKey) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Owners that are gone keep their addresses for ten minutes from when that is found. */
const lookAtOwnersMillis = 60_000;

/** A cluster that is a folder of manifests on one machine, whose pods are processes at loopback addresses. Throws BAD_BLOCK. */
export function filesRuntime(options: FilesOptions, deps: Deps): ClusterRuntime {
  const { view, hub, clock, random, log } = deps;
  const at = (name: string) => join(deps.stateDir, name);
  const allocations = new Allocations({
    file: new StateFile(at('allocations.json'), log),
    block: options.addresses,
    onGiven: deps.onVips,
    clock,
    log,
  });
  const manifests = new Journal({ folder: at('manifests'), clock, log });
  const lastGood = new LastGood(manifests, new StateFile(at('manifests.json'), log));
  const folder = new Folder(options.manifests, lastGood, log);
  const trials = new PortTrials({ tryBind: options.tryBind, clock, onNews: deps.onPort });
  const tokens = new ProjectedTokens(at('token-key'), deps.sealing, clock);
  const writer = new PodFilesWriter({
    files: new PodFiles(at('pods')),
    view,
    hub,
    health: deps.health,
    tokens,
    allocations,
    clock,
    log,
    turn: setImmediate,
  });
  const tryPorts = () => trials.look(new Set(view.servicePorts()));
  return {
    source: filesSource({
      folder,
      allocations,
      ask: askFrom(options.localAddress, new BoundDialer(clock, random), clock),
      clock,
    }),
    authenticator: tokens,
    addresses: new FilesAddresses({ allocations, view, hub }),
    podStarting: { writer },
    follower: {
      published({ keys }) {
        if ([...keys].some(({ kind }) => kind === 'service' || kind === 'synced')) tryPorts();
      },
    },
    upkeep: [
      { name: 'ports', nextDue: () => trials.nextDue(), run: tryPorts },
      every('addresses', clock, lookAtOwnersMillis, () => {
        const services = deps.services();
        if (services) allocations.release((kind, owner) => isThere(view, services, kind, owner));
      }),
    ],
    conditions: () => [
      ...folder.conditions,
      ...addressConditions(allocations),
      ...shareRefusalConditions(allocations.shareRefusals),
    ],
    serviceConditions: (service) => portConditions(trials.refused, service),
  };
}

/** Owners of addresses are pods, and of virtual ones services at pods: `<namespace>/<pod>|<service>`. */
function isThere(
  view: ClusterView,
  services: { has(key: string): boolean },
  kind: string,
  owner: string,
): boolean {
  const [pod = '', service] = owner.split('|');
  const [namespace = '', name = ''] = pod.split('/');
  if (view.get('Pod', namespace, name) === undefined) return false;
  return kind !== 'vips' || (service !== undefined && services.has(service));
}
