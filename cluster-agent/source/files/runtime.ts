import { join } from 'node:path';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { every } from '../../publish/due-times.ts';
import type { ClusterRuntime } from '../../runtime/cluster-runtime.ts';
import type { RuntimeDeps } from '../../runtime/place.ts';
import { Journal } from '../../state/journal.ts';
import { StateFile } from '../../state/state-file.ts';
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

/** Owners that are gone keep their addresses for ten minutes from when that is found. */
const lookAtOwnersMillis = 60_000;

/** A cluster that is a folder of manifests on one machine, whose pods are processes at loopback addresses. Throws BAD_BLOCK. */
export function filesRuntime(options: FilesOptions, deps: RuntimeDeps): ClusterRuntime {
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
    capture: 'PROXY',
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
    unlisted: () => 'the manifests have not been listed yet',
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
