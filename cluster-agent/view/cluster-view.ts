import {
  objectId,
  type ClusterObject,
  type EndpointSliceObject,
  type GatewayObject,
  type NamespaceObject,
  type NodeObject,
  type PodObject,
  type ServiceExportObject,
  type ServiceObject,
  type WorkloadEntryObject,
} from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import { ChangeSet, type Change } from '../keys/change-set.ts';
import { equals } from '../keys/equals.ts';
import { podKey, serviceKeyOf, type PodKey, type ServiceKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { SourceEvent } from './source-event.ts';
import { EastWestGateways } from './east-west-gateways.ts';
import { Exports } from './exports.ts';
import { isGatewayService } from './gateways.ts';
import { ClusterIps } from './cluster-ips.ts';
import { Members } from './members.ts';
import { Namespaces, type NamespaceObjects } from './namespaces.ts';
import { NodeProxies } from './node-proxies.ts';
import { istiosAccount, type NodeProxyAccounts } from './node-proxy.ts';
import { Nodes } from './nodes.ts';
import { Objects, type Kind, type ObjectChange, type ObjectOf } from './objects.ts';
import { ownKeyOf } from './own-key.ts';
import { ofLive, Pods } from './pods.ts';
import { SecurityPolicies, type PolicyQueries } from './policies.ts';
import { Rejections, type RejectionQueries } from './rejections.ts';
import type { Labels } from './selectors.ts';
import { ServiceEntries, type ServiceEntryQueries } from './service-entries.ts';
import { hasSelector, isOfCluster, Services, type Selected } from './services.ts';
import { Slices } from './slices.ts';
import { WorkloadEntries } from './workload-entries.ts';

/**
 * The cluster as it was last seen. `apply` alone writes; nothing is published before it has synced. Each question is
 * answered from an index and costs what the answer has, and nobody keeps an answer over a turn of the event loop.
 */
export class ClusterView {
  readonly #objects = new Objects();
  readonly #namespaces = new Namespaces();
  readonly #pods = new Pods();
  readonly #services = new Services();
  readonly #clusterIps = new ClusterIps();
  readonly #slices = new Slices();
  readonly #members = new Members({ pods: this.#pods, services: this.#services, slices: this.#slices });
  readonly #nodes = new Nodes();
  readonly #nodeProxies: NodeProxies;
  readonly #policies = new SecurityPolicies();
  readonly #serviceEntries = new ServiceEntries((key) => isOfCluster(this.#services.get(key)));
  readonly #workloadEntries = new WorkloadEntries();
  readonly #exports = new Exports();
  readonly #eastWest = new EastWestGateways();
  readonly #rejections = new Rejections();
  #synced = false;

  constructor(accounts: NodeProxyAccounts = new Set([istiosAccount])) {
    this.#nodeProxies = new NodeProxies(accounts);
  }

  get synced(): boolean {
    return this.#synced;
  }

  get policies(): PolicyQueries {
    return this.#policies;
  }

  /** What manifests say and Isthmus does not do, gravest first. */
  get rejections(): RejectionQueries {
    return this.#rejections;
  }

  /** Of each object the last event in the batch counts. Returns what the batch has touched. */
  apply(batch: readonly SourceEvent[]): ChangeSet {
    const changes = new ChangeSet();
    const objects = new Map<string, ClusterObject | undefined>();
    const rejections = new Map<string, Extract<SourceEvent, { type: 'rejections' }>>();
    for (const event of batch)
      switch (event.type) {
        case 'upsert':
          objects.set(event.id, asHeld(event.object));
          break;
        case 'remove':
          objects.set(event.id, undefined);
          break;
        case 'rejections':
          rejections.set(event.origin, event);
          break;
        case 'synced':
          if (!this.#synced) changes.add({ kind: 'synced' });
          this.#synced = true;
      }
    for (const [id, object] of objects) this.#hold(id, object, changes);
    for (const [origin, { rejections: all, isEdited }] of rejections) {
      const other = this.#rejections.set(origin, all);
      if (other === 'ALL') changes.add({ kind: 'rejections' });
      if (other !== 'NONE' || isEdited) changes.add({ kind: 'rejected', origin });
    }
    return changes;
  }

  #hold(id: string, after: ClusterObject | undefined, changes: ChangeSet): void {
    const before = this.#objects.byId(id);
    const some = after ?? before;
    if (!some || equals(before, after)) return;
    const own = ownKeyOf(some);
    if (own) changes.addStored(own, { before, after });
    if (after) this.#objects.set(id, after);
    else this.#objects.delete(id);
    if (after) this.#namespaces.set(id, after);
    else this.#namespaces.delete(id, some);
    // An id names a kind (`objectId`), so that both are of that of the one that is there.
    const change = { kind: some.kind, before, after } as ObjectChange;
    for (const key of this.#index(change)) changes.add(key);
  }

  /** Brings the indexes up to date, and says which of their answers are others now. */
  *#index(change: ObjectChange): Iterable<Touched> {
    switch (change.kind) {
      case 'Pod':
        yield* this.#indexPod(change);
        break;
      case 'Service':
        yield* this.#indexService(change);
        break;
      case 'EndpointSlice':
        this.#slices.update(change);
        yield* this.#members.ofSlice(change);
        break;
      case 'Node':
        if (this.#nodes.update(change)) yield { kind: 'clientPlace' };
        break;
      case 'ServiceEntry':
        for (const service of this.#serviceEntries.update(change)) yield { kind: 'entryHost', service };
        break;
      case 'Namespace':
        if (isOtherNetwork(change)) yield { kind: 'network' };
        break;
      default:
        this.#indexAlone(change);
    }
  }

  /** Of kinds whose indexes answer nothing beside what the object itself says. */
  #indexAlone(change: ObjectChange): void {
    switch (change.kind) {
      case 'AuthorizationPolicy':
        this.#policies.authorizations.update(change);
        break;
      case 'PeerAuthentication':
        this.#policies.peers.update(change);
        break;
      case 'ServiceExport': {
        const { metadata } = change.after ?? change.before ?? {};
        this.#exports.update(change, metadata && this.service(serviceKeyOf(metadata)));
        break;
      }
      case 'WorkloadEntry':
        this.#workloadEntries.update(change);
        break;
      case 'Gateway':
        this.#eastWest.update(change);
        break;
      case 'GatewayClass':
        this.#eastWest.updateClass(change);
        break;
      default:
    }
  }

  *#indexPod(change: Change<PodObject>): Iterable<Touched> {
    if (this.#pods.update(change)) yield { kind: 'podCount' };
    for (const node of this.#nodeProxies.update(change)) yield { kind: 'nodeProxies', node };
    const { before, after } = ofLive(change);
    const [was, is] = [before, after].map((pod) => pod !== undefined && this.isGateway(pod));
    const some = after ?? before;
    if (some && was !== is) yield { kind: 'gateway', pod: podKey(some.metadata) };
    yield* this.#members.ofPod(change);
  }

  *#indexService(change: Change<ServiceObject>): Iterable<Touched> {
    const forms = [change.before, change.after].filter((one) => one !== undefined);
    const pods = new Set(forms.filter(isGatewayService).flatMap((one) => this.selectedBy(one)));
    const were = new Map(Array.from(pods, (pod) => [pod, this.isGateway(pod)]));
    this.#services.update(change);
    this.#exports.updateService(change);
    yield* this.#entryHostsAfter(change);
    for (const [pod, was] of were)
      if (this.isGateway(pod) !== was) yield { kind: 'gateway', pod: podKey(pod.metadata) };
    for (const service of this.#clusterIps.update(change)) yield { kind: 'addresses', service };
    yield* this.#members.ofService(change);
  }

  *#entryHostsAfter({ before, after }: Change<ServiceObject>): Iterable<Touched> {
    const some = after ?? before;
    const service = some && serviceKeyOf(some.metadata);
    if (service && this.#serviceEntries.updateService(service)) yield { kind: 'entryHost', service };
  }

  /** All of a kind, in the order in which they came; it can be iterated more than once. */
  all<K extends Kind>(kind: K): Iterable<ObjectOf<K>> {
    return this.#objects.all(kind);
  }

  byId(id: string): ClusterObject | undefined {
    return this.#objects.byId(id);
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): ObjectOf<K> | undefined {
    return this.#objects.byId(objectId(kind, { namespace, name })) as ObjectOf<K> | undefined;
  }

  namespace(name: string): NamespaceObject | undefined {
    return this.get('Namespace', '', name);
  }

  /** What security policies rest on, by namespace. */
  namespaces(): readonly NamespaceObjects[] {
    return this.#namespaces.all();
  }

  /** The first by name, which says where the cluster's own clients are. */
  get firstNode(): NodeObject | undefined {
    return this.#nodes.first;
  }

  /** Those that have processes: one that is being deleted has them still, one that has finished has none. */
  pods(): Iterable<PodObject> {
    return this.#pods.all();
  }

  /** Their keys. All who keep these keep the same texts. */
  podKeys(): Iterable<PodKey> {
    return this.#pods.keys();
  }

  get podCount(): number {
    return this.#pods.size;
  }

  /** By `<namespace>/<name>`, unless it has finished. */
  podNamed(name: string): PodObject | undefined {
    return this.#pods.get(name);
  }

  podsIn(namespace: string): Iterable<PodObject> {
    return this.#pods.inNamespace(namespace);
  }

  podsOn(node: string): Iterable<PodObject> {
    return this.#pods.onNode(node);
  }

  /** Whether any pod of that account is on the node. */
  runsOn(node: string, namespace: string, serviceAccount: string): boolean {
    return this.#pods.runsOn(node, namespace, serviceAccount);
  }

  /** Pods of a namespace with all of these labels; an empty selector selects all. */
  podsSelectedBy(namespace: string, selector: Labels): Iterable<PodObject> {
    return this.#pods.selectedBy(namespace, selector);
  }

  /** Pods that a service selects; none for a service without a selector. */
  selectedBy(service: ServiceObject): readonly PodObject[] {
    if (!hasSelector(service)) return [];
    return [...this.#pods.selectedBy(service.metadata.namespace, service.selector)];
  }

  service(key: ServiceKey): ServiceObject | undefined {
    return this.#services.get(key);
  }

  /** Of its ClusterIPs those that no newer service has. */
  clusterIPsOf(service: ServiceObject): readonly string[] {
    return this.#clusterIps.of(service);
  }

  /** The ServiceExport that asks for its export. */
  exportOf(service: ServiceKey): ServiceExportObject | undefined {
    return this.#exports.of(service);
  }

  /** ServiceExports without a Service that can be exported, in no order. */
  unmetExports(): Iterable<ServiceExportObject> {
    return this.#exports.unmet();
  }

  servicesIn(namespace: string): Iterable<ServiceObject> {
    return this.#services.inNamespace(namespace);
  }

  servicesWithPort(port: number): Iterable<ServiceObject> {
    return this.#services.withPort(port);
  }

  /** The ports of all services, each once. */
  servicePorts(): Iterable<number> {
    return this.#services.ports();
  }

  /** Of a pod, or of what is selected as one. */
  servicesSelecting(workload: Selected): Iterable<ServiceObject> {
    return this.#services.selecting(workload);
  }

  /** ServiceEntries, by their hosts and by what they select. */
  get serviceEntries(): ServiceEntryQueries {
    return this.#serviceEntries;
  }

  /** `<namespace>/<name>` */
  workloadEntry(name: string): WorkloadEntryObject | undefined {
    return this.#workloadEntries.get(name);
  }

  /** WorkloadEntries of a namespace with all of these labels; none for an empty selector. */
  workloadEntriesSelectedBy(namespace: string, selector: Labels): Iterable<WorkloadEntryObject> {
    return this.#workloadEntries.selectedBy(namespace, selector);
  }

  /** Services of the cluster's east-west gateways. */
  gatewayServices(): Iterable<ServiceObject> {
    return this.#services.gateways;
  }

  /** Gateways of the Gateway API that are east-west gateways of the cluster, in no order. */
  eastWestGateways(): Iterable<GatewayObject> {
    return this.#eastWest.used();
  }

  /** Whether a gateway's service selects the pod. */
  isGateway(pod: PodObject): boolean {
    return this.#services.isGateway(pod);
  }

  /** The EndpointSlices that a service has its endpoints from, by name: none for one that selects its pods. */
  slicesOf(service: ServiceObject): readonly EndpointSliceObject[] {
    return hasSelector(service) || service.type === 'ExternalName'
      ? []
      : [...this.#slices.of(service.metadata)].sort((a, b) => compareText(a.metadata.name, b.metadata.name));
  }

  /** `pod`: `<namespace>/<name>`. */
  slicesNaming(pod: string): Iterable<EndpointSliceObject> {
    return this.#slices.naming(pod);
  }

  /** EndpointSlices with an endpoint on the node that is not a pod. */
  slicesWithEndpointsOn(node: string): Iterable<EndpointSliceObject> {
    return this.#slices.withEndpointsOn(node);
  }

  /** Whether the pod is a ztunnel that serves a whole node. */
  isNodeProxy({ metadata, serviceAccount }: PodObject): boolean {
    return this.isNodeProxyAccount(metadata.namespace, serviceAccount);
  }

  /** The same of a service account. */
  isNodeProxyAccount(namespace: string, serviceAccount: string): boolean {
    return this.#nodeProxies.isOneOf(namespace, serviceAccount);
  }

  /** The ztunnels of a node, in the order of `byService`. */
  nodeProxies(node: string): readonly PodObject[] {
    return this.#nodeProxies.of(node);
  }
}

/** A pod that is being deleted is not ready, whatever its probes say: as for endpoints in Kubernetes and in Istio. */
const asHeld = (object: ClusterObject): ClusterObject =>
  object.kind === 'Pod' && object.deleted && object.ready ? { ...object, ready: false } : object;

/** The network of the cluster is the one that the system namespace's label names. */
const isOtherNetwork = ({ before, after }: Change<NamespaceObject>): boolean =>
  (after ?? before)?.metadata.name === rootNamespace && networkLabelOf(before) !== networkLabelOf(after);

const networkLabelOf = (namespace: NamespaceObject | undefined): string =>
  namespace?.metadata.labels['topology.istio.io/network'] ?? '';
