import { join } from 'node:path';
import { mainReplica } from '@isthmus/api/domain/replica.ts';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { answerTo } from './answers/answer.ts';
import { WorkloadIssuer } from './ca/issuer.ts';
import { AppliedReports } from './coverage/applied-reports.ts';
import { OwnCoverage } from './coverage/own-coverage.ts';
import { clusterCoverage } from './coverage/cluster-coverage.ts';
import { ClusterHealth } from './health/cluster-health.ts';
import { keptInFolder } from './kept/kept.ts';
import type { ChangeSet } from './keys/change-set.ts';
import type { Touched } from './keys/touched.ts';
import { leadsAlone, type Leadership } from './leader/leadership.ts';
import { activated, hubAddresses, hubChanges } from './link/hub-changes.ts';
import { HubEpochs } from './link/hub-epochs.ts';
import { HubLinks } from './link/hub-links.ts';
import { HubStore } from './link/hub-store.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import type { LinkIdentity } from './link/identity.ts';
import { exchangesOf } from './exchanges.ts';
import type { ReplicaExchange } from './replicas/replica-exchange.ts';
import { OlderHubViewFile } from './link/older-hub-view.ts';
import { Renewals } from './link/renewals.ts';
import { takenFiles } from './link/taken-files.ts';
import { Late } from './late.ts';
import type { Parts } from './parts.ts';
import { serveProxies } from './proxies/serve-proxies.ts';
import { Deadlines } from './publish/deadlines.ts';
import { DueTimes, every, untilSaved, type DueWork } from './publish/due-times.ts';
import { heartbeat } from './publish/heartbeat.ts';
import { IncrementalTranslation } from './publish/incremental-translation.ts';
import { Publisher } from './publish/publisher.ts';
import { ReportStore } from './publish/report-store.ts';
import { ReportedCluster } from './publish/reported-cluster.ts';
import { Reports } from './publish/reports.ts';
import type { Place } from './runtime/place.ts';
import { filesRuntime, type FilesOptions } from './source/files/runtime.ts';
import type { KubernetesOptions } from './source/kubernetes/place.ts';
import { Journal } from './state/journal.ts';
import { ownEpoch } from './state/own-epoch.ts';
import { StateFile } from './state/state-file.ts';
import { AgentStatus } from './telemetry/status.ts';
import { ClusterWrites } from './status/cluster-writes.ts';
import type { TranslateInput } from './translate/input.ts';
import { Pipeline } from './translate/pipeline.ts';
import { ClusterView } from './view/cluster-view.ts';
import type { HubResources } from './view/hub-resources.ts';
import type { NodeProxyAccounts } from './view/node-proxy.ts';
import type { XdsServer } from './xds/server.ts';
import { servingIdentity } from './xds/serving.ts';
import { followUpstream, UpstreamZtunnels } from './xds/upstream-ztunnels.ts';

/** Where the cluster runs: a folder of files on this machine, or Kubernetes. */
export type RuntimeOptions =
  ({ readonly kind: 'files' } & FilesOptions) | ({ readonly kind: 'kubernetes' } & KubernetesOptions);

export interface AgentOptions {
  readonly cluster: string;
  readonly stateDir: string;
  readonly runtime: RuntimeOptions;
  readonly xdsHost: string;
  /** Names in the serving certificate, beside the host that is listened at. */
  readonly xdsNames?: readonly string[];
  readonly xdsPort: number;
  /** Where `/livez`, `/readyz` and `/metrics` are; undefined: nowhere. */
  readonly admin?: ListenAddress | undefined;
  readonly localAddress: string;
  readonly tokenFile: string | undefined;
  /** Undefined: that of the place where the agent runs. */
  readonly leadership?: Leadership | undefined;
  /** host:port where other replicas say what they know of their proxies; undefined: there are no others. */
  readonly replicaListen?: string | undefined;
  readonly trustDomain: string;
  /** Service accounts of ztunnels that serve a node, `<namespace>/<name>`; Istio's without. */
  readonly nodeProxyAccounts?: NodeProxyAccounts | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Where an agent runs by its options. What speaks to Kubernetes is loaded only where that is it. */
export async function placeOf(options: AgentOptions, signal: AbortSignal): Promise<Place> {
  const { runtime, stateDir, leadership, clock, random, log } = options;
  if (runtime.kind === 'kubernetes') {
    const { kubernetesPlace } = await import('./source/kubernetes/place.ts');
    const address = options.replicaListen ?? '';
    return kubernetesPlace(runtime, { address, leadership, stateDir, clock, random, log, signal });
  }
  return {
    kept: keptInFolder,
    leadership: leadership ?? leadsAlone(mainReplica),
    prepare: () => Promise.resolve(),
    // `xds-root.pem` is in the state folder.
    showRoot: () => undefined,
    runtime: (deps) => filesRuntime(runtime, deps),
  };
}

/** Key and certificate of the listener for proxies, as they are in the state folder or made now. */
export function servingOf({ stateDir, xdsHost, xdsNames = [], clock, random, log }: AgentOptions): KeyPair {
  const provider = fileKeyProvider(join(stateDir, 'sealing-key'), random);
  const isAnywhere = xdsHost === '0.0.0.0' || xdsHost === '::';
  const names = isAnywhere && xdsNames.length > 0 ? xdsNames : [xdsHost, ...xdsNames];
  return servingIdentity(stateDir, names, { provider, random, clock, log });
}

/**
 * The agent's parts, in the order in which they are made: what is stored, what is derived of it, what goes to proxies and
 * to the hub, and the link. A part that one before it needs is in `Later`.
 */
export function assemble(options: AgentOptions, place: Place, identity: LinkIdentity): Parts {
  const base = baseOf(options, place, identity);
  const later = new Later();
  const stored = makeStored(base, later);
  const derived = makeDerived(base, stored, later);
  const published = makePublished(base, stored, derived, later);
  const works = worksOf(base, stored, derived, published, later);
  const linked = makeLinked(base, stored, derived, { ...published, works }, later);
  const { view, hubState, hub, issuer } = stored;
  const { runtime, health } = derived;
  const { leadership } = base;
  return { view, runtime, hubState, hub, issuer, health, leadership, xds: published.xds, ...linked };
}

/** What parts before them need of parts after them: read while the agent runs, never while it is put together. */
class Later {
  readonly input = new Late<TranslateInput>('input');
  readonly proxies = new Late<ReturnType<typeof serveProxies>>('proxies');
  readonly publisher = new Late<Publisher>('publisher');
  readonly link = new Late<HubLinks>('link');
  readonly status = new Late<AgentStatus>('status');
  readonly due = new Late<DueTimes>('due');
  /** One, where there are other replicas. */
  readonly exchanges: ReplicaExchange[] = [];
  readonly arm = () => this.due.part.arm();
  readonly touchKey = (key: Touched) => this.publisher.part.touchKey(key);
}

/** What parts are made with. */
function baseOf(options: AgentOptions, place: Place, identity: LinkIdentity) {
  const { cluster, stateDir, clock, random, log } = options;
  const at = (name: string) => join(stateDir, name);
  return {
    options,
    place,
    identity,
    /** A file that outlives the agent was written. */
    onSaved: () => void place.kept.keep(),
    at,
    sealing: { provider: fileKeyProvider(at('sealing-key'), random), random },
    own: { stateDir, clock, random, log },
    who: { cluster, trustDomain: identity.trustDomain },
    turn: setImmediate,
    leadership: place.leadership,
  };
}
type Base = ReturnType<typeof baseOf>;

/** The cluster's objects, what the hub has sent, and the intermediate. */
function makeStored({ options, identity, at, sealing, onSaved, own: { clock, log } }: Base, { arm }: Later) {
  const view = new ClusterView(options.nodeProxyAccounts);
  const hubState = new Journal({ folder: at('hub-state'), clock, log });
  const older = new OlderHubViewFile(at('hub-view.json'), log);
  const hub = new HubStore({ journal: hubState, hub: identity.hubId, log, onUnsaved: arm, older });
  const issuer = new WorkloadIssuer({ path: at('intermediate.json'), ...sealing, clock, onSaved });
  return { view, hubState, hub, issuer };
}
type Stored = ReturnType<typeof makeStored>;

/** The runtime, the health of proxies, and what is derived by key. */
function makeDerived({ place, sealing, own, who }: Base, { view, hub, issuer }: Stored, later: Later) {
  const { arm, touchKey } = later;
  const runtime = place.runtime({
    ...own,
    sealing,
    view,
    hub: hub.resources,
    health: () => later.input.part.health,
    services: () => later.publisher.part.snapshot?.services,
    onPort: (port) => touchKey({ kind: 'port', port }),
    onVips: (client) => touchKey({ kind: 'vips', client }),
    onAddresses: (service) => touchKey({ kind: 'addresses', service }),
  });
  const health = new ClusterHealth({
    ...who,
    ...own,
    streams: () => later.proxies.part.xds,
    shown: (id, spiffeId) => later.proxies.part.proxies.reports.of(id)?.certificates.get(spiffeId),
    issuer: () => issuer.currentKeyId,
    intermediates: () => hub.view.intermediates,
    onChange: (changes) => later.publisher.part.touch(changes),
    onUnsaved: arm,
  });
  const upstreamZtunnels = new UpstreamZtunnels();
  const facts = {
    ...who,
    now: () => own.clock.now(),
    upstreamZtunnels: upstreamZtunnels.pods,
    health: health.facts,
    shared: runtime.addresses.kind === 'SHARED' ? runtime.addresses : undefined,
  };
  const pipeline = new Pipeline({ view, hub: hub.resources, facts });
  const { outputs } = pipeline;
  const input: TranslateInput = later.input.set({
    ...who,
    view,
    hub: hub.view,
    health: health.current(outputs),
    derived: outputs,
    serviceConditions: (service) => runtime.serviceConditions(service),
  });
  const upstream = followUpstream(upstreamZtunnels, { view, touch: touchKey });
  return { runtime, health, pipeline, input, upstream };
}
type DerivedParts = ReturnType<typeof makeDerived>;

/** The publisher and its subscribers: proxies, files of pods, and reports for the hub. */
function makePublished(base: Base, { view, hub, issuer }: Stored, derived: DerivedParts, later: Later) {
  const { runtime, health, pipeline, input, upstream } = derived;
  const { clock, log } = base.own;
  const store = new ReportStore((type, names) => later.link.part.changed(type, names));
  const reportedCluster = new ReportedCluster({
    input,
    agentVersion: version,
    ofRuntime: () => [...runtime.conditions(), ...writes.flatMap((one) => one.conditions())],
    refusals: (type) => xds.refusals(type),
    store,
    clock,
  });
  const followers = () => [health, later.status.part, reportedCluster, proxies, applied, upstream, coverage];
  const { xds, proxies }: ReturnType<typeof serveProxies> = later.proxies.set(
    serveProxies({
      serving: servingOf(base.options),
      runtime,
      input,
      issuer,
      health,
      snapshot: () => publisher.snapshot,
      status: () => later.status.part,
      followers: () => [...followers(), ...later.exchanges],
      clock,
      log,
    }),
  );
  const applied = new AppliedReports({
    hub,
    policies: clusterCoverage(input, xds),
    streams: () => xds,
    publisher: () => publisher,
    store,
    turn: base.turn,
  });
  const { coverage, writes, subscribers } = ownPolicies(base, derived, { hub: hub.resources, xds }, later);
  const publisher: Publisher = later.publisher.set(
    new Publisher(
      new IncrementalTranslation(pipeline, () => health.facts.listed(view.pods())),
      [
        runtime.addresses,
        xds,
        ...(runtime.podStarting ? [runtime.podStarting.writer] : []),
        runtime.follower,
        upstream,
        applied,
        new Reports({
          input: () => input,
          store,
          onHealth: (services) => later.link.part.healthChanged(services),
        }),
        reportedCluster,
        ...subscribers,
        { published: later.arm },
      ],
      { epoch: epochOf(base), clock, turn: base.turn },
    ),
  );
  return { store, reportedCluster, xds, proxies, coverage, publisher, writes };
}
type Published = ReturnType<typeof makePublished>;

const epochOf = ({ at, own: { clock, log } }: Base) =>
  ownEpoch(new StateFile(at('epoch.json'), log), clock.now(), log);

/** What is done when its time has come, beside renewals. */
const worksOf = (
  { own: { clock } }: Base,
  { hub }: Stored,
  { runtime, health }: DerivedParts,
  { reportedCluster }: Published,
  { touchKey }: Later,
): readonly DueWork[] => [
  untilSaved('proofs', clock, health),
  untilSaved('hub state', clock, hub),
  new Deadlines({ trafficShifts: () => hub.view.trafficShifts.values(), touch: touchKey, clock }),
  every('conditions', clock, 1000, () => reportedCluster.lookAtRuntime(touchKey)),
  ...runtime.upkeep,
];

/** How far the cluster's own policies have come, and what the agent writes of it: nothing where there is no API. */
function ownPolicies(
  base: Base,
  derived: DerivedParts,
  { hub, xds }: { readonly hub: HubResources; readonly xds: XdsServer },
  later: Later,
) {
  const coverage = new OwnCoverage({
    world: derived.input,
    policies: clusterCoverage(derived.input, xds, 'IGNORED'),
    publisher: () => later.publisher.part,
    turn: base.turn,
    onDiffering: (ids) => writes.forEach((one) => one.policiesDiffer(ids)),
  });
  const writes = writesInto(base, derived, { hub, coverage }, later);
  return { coverage, writes, subscribers: [coverage, ...writes] };
}

function writesInto(
  { leadership, own: { clock, log } }: Base,
  { runtime, input }: DerivedParts,
  { hub, coverage }: { readonly hub: HubResources; readonly coverage: OwnCoverage },
  later: Later,
): readonly ClusterWrites[] {
  if (!runtime.writes) return [];
  const writes = new ClusterWrites({
    api: runtime.writes,
    input,
    hub,
    coverage,
    publisher: () => later.publisher.part,
    leadership,
    clock,
    log,
  });
  return [writes];
}

/** The link to the hub, what it brings, and what is due by time. */
function makeLinked(
  { options, identity, own, leadership, onSaved }: Base,
  { view, hub, issuer }: Stored,
  { runtime, health, input }: DerivedParts,
  published: Published & { readonly works: readonly DueWork[] },
  later: Later,
) {
  const { store, xds, proxies, publisher, writes, works } = published;
  const { clock, log } = own;
  const { arm } = later;
  const publish = (changes: ChangeSet) => {
    publisher.touch(changes);
    // Before that, what is missing is unknown and not absent.
    if (view.synced && hub.complete) publisher.open();
  };
  const epochs = new HubEpochs(own.stateDir, log, onSaved);
  const link: HubLinks = later.link.set(
    new HubLinks({
      identity,
      replica: leadership,
      localAddress: options.localAddress,
      ...own,
      hubStore: hub,
      epochs,
      reports: (type) => store.of(type),
      health: heartbeat({ input, publisher, proxies: xds }),
      answer: (ask) => answerTo(ask, answering(input, published)),
      onView: (changes) => onHub(changes),
    }),
  );
  const hubEpoch = () => epochs.seen(identity.hubId);
  const parts = { ['written-objects']: () => writes.flatMap((one) => one.conditions()) };
  const status = later.status.set(
    new AgentStatus({ view, runtime, parts, hubStore: hub, issuer, xds, link, hubEpoch, clock }),
  );
  const renewals = new Renewals(identity, {
    ...own,
    link,
    issuer,
    leads: () => leadership.leads(),
    onSaved,
    activated: () => activated(hub.view),
    intermediates: () => hub.view.intermediates,
  });
  onLead(leadership, log, () => {
    onSaved();
    link.roleChanged();
    renewals.look();
    arm();
  });
  // Where the hub was reached when it was heard last.
  renewals.hubIsAt(hubAddresses(hub.view));
  const onHub = hubChanges({ hub: hub.view, renewals, issuer, publish, arm, log });
  const exchanging = { options, identity, hub, epochs, link, health, xds, proxies, leadership };
  later.exchanges.push(...exchangesOf(own, exchanging, (changes) => onHub(changes)));
  const [exchange] = later.exchanges;
  const taken = takenFiles({ ...own, hub: hub.view, issuer, link, renewals, arm });
  const due = later.due.set(new DueTimes([renewals, ...works], clock));
  return { link, exchange, status, renewals, due, taken, publish };
}

/** Undefined before there is anything to answer from. */
const answering = (input: TranslateInput, { publisher, proxies, coverage }: Published) =>
  publisher.snapshot && { input, snapshot: publisher.snapshot, proxies, coverage };

/** Calls when this replica comes to lead, or leads no longer. */
function onLead(leadership: Leadership, log: Log, changed: () => void): void {
  let led = leadership.leads();
  leadership.onChange(() => {
    if (led === leadership.leads()) return;
    led = !led;
    log.info({ replica: leadership.id }, led ? 'this replica leads now' : 'this replica does not lead now');
    changed();
  });
}
