import { join } from 'node:path';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { servingOf, type AgentOptions } from './agent-options.ts';
import { answerTo } from './answers/answer.ts';
import { WorkloadIssuer } from './ca/issuer.ts';
import { AppliedReports } from './coverage/applied-reports.ts';
import { OwnCoverage } from './coverage/own-coverage.ts';
import { clusterCoverage } from './coverage/cluster-coverage.ts';
import { ClusterHealth } from './health/cluster-health.ts';
import type { ChangeSet } from './keys/change-set.ts';
import type { Touched } from './keys/touched.ts';
import type { Leadership } from './leader/leadership.ts';
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
import { Journal } from './state/journal.ts';
import { ownEpoch } from './state/own-epoch.ts';
import { StateFile } from './state/state-file.ts';
import { unsavedConditions } from './state/unsaved-condition.ts';
import type { Unsaved } from './state/until-written.ts';
import { AgentStatus } from './telemetry/status.ts';
import { ClusterWrites } from './status/cluster-writes.ts';
import type { TranslateInput } from './translate/input.ts';
import { Pipeline } from './translate/pipeline.ts';
import { ClusterView } from './view/cluster-view.ts';
import type { HubResources } from './view/hub-resources.ts';
import type { XdsServer } from './xds/server.ts';
import { followUpstream, UpstreamZtunnels } from './xds/upstream-ztunnels.ts';

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
  /** Parts that follow proxies. */
  readonly followers = () => [this.status.part, ...this.exchanges];
  /** What keeps something in the state folder. */
  readonly saved: Unsaved[] = [];
  /** What is due before the start is looked at then. */
  readonly arm = () => this.due.made?.arm();
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
  const onUnsaved = (error: string) => {
    log.error({ error }, 'the intermediates of this cluster are not saved; it will be tried again');
    arm();
  };
  const issuer = new WorkloadIssuer({ path: at('intermediate.json'), ...sealing, clock, onSaved, onUnsaved });
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
    capture: runtime.capture,
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
  const degraded = degradedParts(base.own.stateDir, later, () => writes);
  const store = new ReportStore((type, names) => later.link.part.changed(type, names));
  const reportedCluster = new ReportedCluster({
    input,
    agentVersion: version,
    ofRuntime: () => [...runtime.conditions(), ...Object.values(degraded).flatMap((of) => of())],
    refusals: (type) => xds.refusals(type),
    store,
    clock,
  });
  const { xds, proxies }: ReturnType<typeof serveProxies> = later.proxies.set(
    serveProxies({
      serving: servingOf(base.options),
      runtime,
      input,
      issuer,
      health,
      snapshot: () => publisher.snapshot,
      status: () => later.status.part,
      followers: () => [health, reportedCluster, proxies, applied, upstream, coverage, ...later.followers()],
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
  return { store, reportedCluster, xds, proxies, coverage, publisher, degraded };
}
type Published = ReturnType<typeof makePublished>;

/** What else can be degraded while the agent serves, by the names of the checks that show it. */
const degradedParts = (stateDir: string, { saved }: Later, writes: () => readonly ClusterWrites[]) => ({
  ['state-folder']: () => unsavedConditions(stateDir, saved),
  ['written-objects']: () => writes().flatMap((one) => one.conditions()),
});

const epochOf = ({ at, own: { clock, log } }: Base) =>
  ownEpoch(new StateFile(at('epoch.json'), log), clock.now(), log);

/** What is done when its time has come, beside renewals. */
const worksOf = (
  { own: { clock } }: Base,
  { hub, issuer }: Stored,
  { runtime, health }: DerivedParts,
  { reportedCluster }: Published,
  { touchKey }: Later,
): readonly DueWork[] => [
  untilSaved('proofs', clock, health),
  untilSaved('hub state', clock, hub),
  untilSaved('intermediates', clock, issuer),
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
  const { store, xds, proxies, publisher, degraded, works } = published;
  const { clock, log } = own;
  const { arm } = later;
  const publish = (changes: ChangeSet) => {
    publisher.touch(changes);
    // Before that, what is missing is unknown and not absent.
    if (view.synced && hub.complete) publisher.open();
  };
  const epochs = new HubEpochs(own.stateDir, log, onSaved, arm);
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
  later.saved.push(hub, health, issuer, epochs);
  const status = later.status.set(
    new AgentStatus({ view, runtime, parts: degraded, hubStore: hub, issuer, xds, link, hubEpoch, clock }),
  );
  const renewals = renewalsOf({ identity, own, leadership, onSaved }, { hub, issuer }, link, arm);
  later.saved.push(renewals);
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
  const due = later.due.set(
    new DueTimes(
      [renewals, untilSaved('link', clock, renewals), untilSaved('epochs', clock, epochs), ...works],
      clock,
    ),
  );
  return { link, exchange, status, renewals, due, taken, publish };
}

/** Undefined before there is anything to answer from. */
const answering = (input: TranslateInput, { publisher, proxies, coverage }: Published) =>
  publisher.snapshot && { input, snapshot: publisher.snapshot, proxies, coverage };

/** What the hub renews. */
function renewalsOf(
  { identity, own, leadership, onSaved }: Pick<Base, 'identity' | 'own' | 'leadership' | 'onSaved'>,
  { hub, issuer }: Pick<Stored, 'hub' | 'issuer'>,
  link: HubLinks,
  arm: () => void,
): Renewals {
  return new Renewals(identity, {
    ...own,
    link,
    issuer,
    leads: () => leadership.leads(),
    onSaved,
    onUnsaved: arm,
    activated: () => activated(hub.view),
    intermediates: () => hub.view.intermediates,
  });
}

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
