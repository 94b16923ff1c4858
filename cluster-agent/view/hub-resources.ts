import type {
  Activation,
  HubAddress,
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Change, ChangeSet, HubResource, HubResourceOf } from '../keys/change-set.ts';
import { serviceKeyOf, type Ref, type ServiceKey, type WorkloadUid } from '../keys/names.ts';
import type { HubView } from './hub-view.ts';
import { RemoteServices } from './remote-services.ts';
import { Selectors } from './selectors.ts';
import { Sets } from './sets.ts';

/**
 * All resources that the hub has sent to this cluster, by name and by what they are of. `set` and `delete` alone write, and
 * say what they touched; nobody keeps an answer over a turn of the event loop.
 */
export class HubResources {
  readonly #held = {
    addresses: new Map<string, HubAddress>(),
    bundles: new Map<string, TrustBundle>(),
    intermediates: new Map<string, Intermediate>(),
    activations: new Map<string, Activation>(),
    policies: new Map<string, CompiledPolicy>(),
    traffic: new Map<string, TrafficPolicy>(),
    trafficShifts: new Map<string, TrafficShift>(),
    members: new Map<string, Member>(),
    grants: new Map<string, ExportGrant>(),
    remotes: new Map<string, RemoteService>(),
  };
  readonly #remoteServices = new RemoteServices();
  readonly #policies = new Map<string, CompiledPolicy>();
  /** Names of policies by their targets. */
  readonly #targets = new Selectors<string>();
  readonly #traffic = new Map<ServiceKey, TrafficPolicy>();
  readonly #grants = new Map<ServiceKey, ExportGrant>();
  readonly #toMembers = new Set<ServiceKey>();
  /** Ids of trafficShifts by the services that they name, `<namespace>/<name>`, and of those that name none. */
  readonly #trafficShiftsOf = new Sets<string, string>();
  readonly #trafficShiftsOfAll = new Set<string>();

  /** By name. */
  get held(): HubView {
    return this.#held;
  }

  set(type: DownType, name: string, resource: HubResource, changes: ChangeSet): void {
    this.#replace(type, name, resource, changes);
  }

  delete(type: DownType, name: string, changes: ChangeSet): void {
    this.#replace(type, name, undefined, changes);
  }

  get bundles(): ReadonlyMap<string, TrustBundle> {
    return this.#held.bundles;
  }

  get intermediates(): ReadonlyMap<string, Intermediate> {
    return this.#held.intermediates;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#held.members;
  }

  policies(): Iterable<CompiledPolicy> {
    return this.#held.policies.values();
  }

  /** By the name that workloads have for it. */
  policyNamed(authorization: string): CompiledPolicy | undefined {
    return this.#policies.get(authorization);
  }

  /** Those whose target is the pod. */
  policiesOf({ metadata: { namespace, labels } }: PodObject): readonly CompiledPolicy[] {
    const names = [...this.#targets.selecting(namespace, labels), ...this.#targets.everything(namespace)];
    return names.flatMap((name) => this.#held.policies.get(name) ?? []);
  }

  /** In order of the clusters' names. */
  remotesOf(service: ServiceKey): readonly RemoteService[] {
    return this.#remoteServices.of(service);
  }

  /** Of a namespace. */
  remotesIn(namespace: string): Iterable<RemoteService> {
    return this.#remoteServices.inNamespace(namespace);
  }

  /** Services that other clusters have. */
  remoteServices(): Iterable<ServiceKey> {
    return this.#remoteServices.keys();
  }

  /** Gateways of other clusters. */
  gateways(): Iterable<WorkloadUid> {
    return this.#remoteServices.gateways();
  }

  /** Remote services that name the gateway, in order of their clusters' names. */
  remotesNaming(gateway: WorkloadUid): Iterable<RemoteService> {
    return this.#remoteServices.naming(gateway);
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

  trafficShift(id: string): TrafficShift | undefined {
    return this.#held.trafficShifts.get(id);
  }

  trafficShifts(): Iterable<TrafficShift> {
    return this.#held.trafficShifts.values();
  }

  /** Those of a service, in order of their ids. */
  trafficShiftsOf({ namespace, name }: Ref): readonly TrafficShift[] {
    const { trafficShifts } = this.#held;
    if (trafficShifts.size === 0) return [];
    const ids = [...this.#trafficShiftsOf.get(`${namespace}/${name}`), ...this.#trafficShiftsOfAll];
    return ids.flatMap((id) => trafficShifts.get(id) ?? []).sort((a, b) => compareText(a.id, b.id));
  }

  #replace(type: DownType, name: string, after: HubResource | undefined, changes: ChangeSet): void {
    const held: Map<string, HubResource> = this.#held[fields[type]];
    const before = held.get(name);
    if (before === after) return;
    if (after) held.set(name, after);
    else held.delete(name);
    // What is set under a type is of that type: `readResource` reads each with the decoder of that type alone.
    const change = { type, before, after } as HubChange;
    if (change.type === 'remote') return this.#remoteServices.replace(change.before, change.after, changes);
    changes.addStored({ kind: 'hub', type, name }, change);
    this.#index(name, change);
  }

  #index(name: string, change: HubChange): void {
    switch (change.type) {
      case 'policy':
        return this.#indexPolicy(name, change);
      case 'traffic':
        if (change.before) this.#traffic.delete(serviceKeyOf(change.before));
        if (change.after) this.#traffic.set(serviceKeyOf(change.after), change.after);
        return;
      case 'diversion':
        return this.#indexTrafficShift(name, change);
      case 'grant':
        if (change.before) this.#setGrant(change.before, undefined);
        if (change.after) this.#setGrant(change.after, change.after);
        return;
      default:
        return;
    }
  }

  #indexPolicy(name: string, { before, after }: Change<CompiledPolicy>): void {
    if (before) this.#policies.delete(before.authorization.key);
    if (!after) return this.#targets.delete(name);
    this.#policies.set(after.authorization.key, after);
    this.#targets.set(name, after.target.namespace, after.target.labels);
  }

  #indexTrafficShift(name: string, { before, after }: Change<TrafficShift>): void {
    this.#trafficShiftsOf.move(name, before?.services ?? [], after?.services ?? []);
    if (after?.services.length === 0) this.#trafficShiftsOfAll.add(name);
    else this.#trafficShiftsOfAll.delete(name);
  }

  #setGrant(of: ExportGrant, grant: ExportGrant | undefined): void {
    const service = serviceKeyOf(of);
    if (grant) this.#grants.set(service, grant);
    else this.#grants.delete(service);
    if (grant?.members) this.#toMembers.add(service);
    else this.#toMembers.delete(service);
  }
}

/** A resource of one type as it was and as it is. */
type HubChange = {
  readonly [T in DownType]: { readonly type: T } & Change<HubResourceOf[T]>;
}[DownType];

const fields: Readonly<Record<DownType, keyof HubView>> = {
  'hub-address': 'addresses',
  'trust-bundle': 'bundles',
  intermediate: 'intermediates',
  activation: 'activations',
  policy: 'policies',
  traffic: 'traffic',
  diversion: 'trafficShifts',
  member: 'members',
  grant: 'grants',
  remote: 'remotes',
};
