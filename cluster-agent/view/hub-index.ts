import type {
  CompiledPolicy,
  Diversion,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { ChangeSet, type HubResource } from '../keys/change-set.ts';
import {
  networkGatewayUid,
  serviceKeyOf,
  type Ref,
  type ServiceKey,
  type WorkloadUid,
} from '../keys/names.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { emptyHubView, type HubView } from './hub-view.ts';
import { selects } from './selectors.ts';
import { Sets } from './sets.ts';

const fields: Readonly<Record<DownType, keyof HubView>> = {
  'trust-bundle': 'bundles',
  intermediate: 'intermediates',
  activation: 'activations',
  policy: 'policies',
  traffic: 'traffic',
  diversion: 'diversions',
  member: 'members',
  grant: 'grants',
  remote: 'remotes',
};

/** What the hub has sent, by what it is of. */
export class HubIndex {
  #view: HubView = emptyHubView;
  readonly #remotes = new Map<ServiceKey, readonly RemoteService[]>();
  readonly #gateways = new Map<WorkloadUid, RemoteService[]>();
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #policiesIn = new Sets<string, CompiledPolicy>();
  readonly #traffic = new Map<ServiceKey, TrafficPolicy>();
  readonly #grants = new Map<ServiceKey, ExportGrant>();
  readonly #toMembers = new Set<ServiceKey>();

  /** Follows the newest view; gives what differs. Costs as much as there is of the types that differ. */
  update(next: HubView): ChangeSet {
    const changes = new ChangeSet();
    for (const [type, field] of Object.entries(fields) as [DownType, keyof HubView][]) {
      const [was, is]: ReadonlyMap<string, HubResource>[] = [this.#view[field], next[field]];
      if (was === is || !was || !is) continue;
      for (const [name, before] of was) {
        const after = is.get(name);
        if (after !== before) this.#changed(changes, type, name, before, after);
      }
      for (const [name, after] of is)
        if (!was.has(name)) this.#changed(changes, type, name, undefined, after);
    }
    this.#view = next;
    return changes;
  }

  get bundles(): ReadonlyMap<string, TrustBundle> {
    return this.#view.bundles;
  }

  get intermediates(): ReadonlyMap<string, Intermediate> {
    return this.#view.intermediates;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#view.members;
  }

  policies(): Iterable<CompiledPolicy> {
    return this.#view.policies.values();
  }

  /** By the name that workloads have for it. */
  policyNamed(authorization: string): CompiledPolicy | undefined {
    return this.#policies.get(authorization);
  }

  /** Those whose target is the pod. */
  policiesOf({ metadata: { namespace, labels } }: PodObject): readonly CompiledPolicy[] {
    return [...this.#policiesIn.get(namespace)].filter(({ target }) => selects(target.labels, labels));
  }

  /** In order of the clusters' names. */
  remotesOf(service: ServiceKey): readonly RemoteService[] {
    return this.#remotes.get(service) ?? [];
  }

  /** Services that other clusters have. */
  remoteServices(): Iterable<ServiceKey> {
    return this.#remotes.keys();
  }

  /** Gateways of other clusters. */
  gateways(): Iterable<WorkloadUid> {
    return this.#gateways.keys();
  }

  /** Remote services that name the gateway, in order of their clusters' names. */
  *remotesNaming(gateway: WorkloadUid): Iterable<RemoteService> {
    yield* this.#gateways.get(gateway) ?? [];
  }

  trafficOf(service: ServiceKey): TrafficPolicy | undefined {
    return this.#traffic.get(service);
  }

  grantOf(service: ServiceKey): ExportGrant | undefined {
    return this.#grants.get(service);
  }

  /** Services that every member may reach. */
  grantedToMembers(): Iterable<ServiceKey> {
    return this.#toMembers;
  }

  diversion(id: string): Diversion | undefined {
    return this.#view.diversions.get(id);
  }

  diversions(): Iterable<Diversion> {
    return this.#view.diversions.values();
  }

  /** Those of a service, in order of their ids. */
  diversionsOf({ namespace, name }: Ref): readonly Diversion[] {
    const { diversions } = this.#view;
    if (diversions.size === 0) return [];
    return [...diversions.values()]
      .filter(({ services }) => services.length === 0 || services.includes(`${namespace}/${name}`))
      .sort((a, b) => compareText(a.id, b.id));
  }

  #changed(
    changes: ChangeSet,
    type: DownType,
    name: string,
    before: HubResource | undefined,
    after: HubResource | undefined,
  ): void {
    const change = { before, after };
    if (type === 'remote') {
      if (before) this.#forgetRemote(changes, before as RemoteService);
      if (after) this.#holdRemote(changes, after as RemoteService);
      return;
    }
    changes.addStored({ kind: 'hub', type, name }, change);
    if (before) this.#forget(type, before);
    if (after) this.#hold(type, after);
  }

  #forget(type: DownType, before: HubResource): void {
    if (type === 'traffic') this.#traffic.delete(serviceKeyOf(before as TrafficPolicy));
    if (type === 'grant') this.#setGrant(before as ExportGrant, undefined);
    if (type !== 'policy') return;
    const policy = before as CompiledPolicy;
    this.#policies.delete(policy.authorization.key);
    this.#policiesIn.delete(policy.target.namespace, policy);
  }

  #hold(type: DownType, after: HubResource): void {
    if (type === 'traffic') this.#traffic.set(serviceKeyOf(after as TrafficPolicy), after as TrafficPolicy);
    if (type === 'grant') this.#setGrant(after as ExportGrant, after as ExportGrant);
    if (type !== 'policy') return;
    const policy = after as CompiledPolicy;
    this.#policies.set(policy.authorization.key, policy);
    this.#policiesIn.add(policy.target.namespace, policy);
  }

  #setGrant(of: ExportGrant, grant: ExportGrant | undefined): void {
    const service = serviceKeyOf(of);
    if (grant) this.#grants.set(service, grant);
    else this.#grants.delete(service);
    if (grant?.members) this.#toMembers.add(service);
    else this.#toMembers.delete(service);
  }

  #forgetRemote(changes: ChangeSet, remote: RemoteService): void {
    const service = serviceKeyOf(remote);
    changes.add({ kind: 'remotes', service });
    const rest = this.remotesOf(service).filter((one) => one !== remote);
    if (rest.length > 0) this.#remotes.set(service, rest);
    else this.#remotes.delete(service);
    for (const gateway of remote.gateways) {
      const uid = networkGatewayUid(gateway);
      const naming = this.#gateways.get(uid) ?? [];
      const at = placeOf(naming, remote);
      if (naming[at] === remote) naming.splice(at, 1);
      if (naming.length === 0) this.#gateways.delete(uid);
      changes.add({ kind: 'networkGateway', uid });
    }
  }

  #holdRemote(changes: ChangeSet, remote: RemoteService): void {
    const service = serviceKeyOf(remote);
    changes.add({ kind: 'remotes', service });
    this.#remotes.set(service, [...this.remotesOf(service), remote].sort(byCluster));
    for (const gateway of remote.gateways) {
      const uid = networkGatewayUid(gateway);
      const naming = this.#gateways.get(uid) ?? [];
      const at = placeOf(naming, remote);
      if (naming[at] !== remote) naming.splice(at, 0, remote);
      this.#gateways.set(uid, naming);
      changes.add({ kind: 'networkGateway', uid });
    }
  }
}

const byCluster = (a: RemoteService, b: RemoteService): number =>
  compareText(a.cluster, b.cluster) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);

/** Where a remote service is, or belongs, in a list that is in order. */
function placeOf(inOrder: readonly RemoteService[], remote: RemoteService): number {
  let [from, to] = [0, inOrder.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const one = inOrder[middle];
    if (one && byCluster(one, remote) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
