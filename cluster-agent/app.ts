import { join } from 'node:path';
import { mainReplica } from '@isthmus/api/domain/replica.ts';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { answerTo } from './answers/answer.ts';
import { WorkloadIssuer } from './ca/issuer.ts';
import { AppliedReports } from './coverage/applied-reports.ts';
import { clusterCoverage } from './coverage/cluster-coverage.ts';
import { ClusterHealth } from './health/cluster-health.ts';
import type { ChangeSet } from './keys/change-set.ts';
import type { Touched } from './keys/touched.ts';
import { leadsAlone, type Leadership } from './leader/leadership.ts';
import { activated, hubChanges } from './link/hub-changes.ts';
import { HubEpochs } from './link/hub-epochs.ts';
import { HubLinks } from './link/hub-links.ts';
import { HubStore } from './link/hub-store.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import type { LinkIdentity } from './link/identity.ts';
import { OlderHubViewFile } from './link/older-hub-view.ts';
import { Renewals } from './link/renewals.ts';
import { Late } from './late.ts';
import type { Parts } from './parts.ts';
import { serveProxies } from './proxies/serve-proxies.ts';
import { Deadlines } from './publish/deadlines.ts';
import { DueTimes, every, untilSaved } from './publish/due-times.ts';
import { heartbeat } from './publish/heartbeat.ts';
import { IncrementalTranslation } from './publish/incremental-translation.ts';
import { Publisher } from './publish/publisher.ts';
import { ReportStore } from './publish/report-store.ts';
import { ReportedCluster } from './publish/reported-cluster.ts';
import { Reports } from './publish/reports.ts';
import { filesRuntime, type FilesOptions } from './source/files/runtime.ts';
import { Journal } from './state/journal.ts';
import { ownEpoch } from './state/own-epoch.ts';
import { StateFile } from './state/state-file.ts';
import { AgentStatus } from './telemetry/status.ts';
import type { TranslateInput } from './translate/input.ts';
import { Pipeline } from './translate/pipeline.ts';
import { ClusterView } from './view/cluster-view.ts';
import { servingIdentity } from './xds/serving.ts';
import { followUpstream, UpstreamZtunnels } from './xds/upstream-ztunnels.ts';

export interface AgentOptions {
  readonly cluster: string;
  readonly stateDir: string;
  readonly runtime: FilesOptions;
  readonly xdsHost: string;
  readonly xdsPort: number;
  /** Where `/livez`, `/readyz` and `/metrics` are; undefined: nowhere. */
  readonly admin?: ListenAddress | undefined;
  readonly localAddress: string;
  readonly tokenFile: string | undefined;
  /** Undefined: this agent is the only one of its cluster. */
  readonly leadership?: Leadership | undefined;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * The agent's parts, in the order in which they are made: what is stored, what is derived of it, what goes to proxies and
 * to the hub, and the link. A part that one before it needs is in `Later`.
 */
export function assemble(options: AgentOptions, identity: LinkIdentity): Parts {
  const base = baseOf(options, identity);
  const later = new Later();
  const stored = makeStored(base, later);
  const derived = makeDerived(base, stored, later);
  const published = makePublished(base, stored, derived, later);
  const linked = makeLinked(base, stored, derived, published, later);
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
  readonly arm = () => this.due.part.arm();
  readonly touchKey = (key: Touched) => this.publisher.part.touchKey(key);
}

/** What parts are made with. */
function baseOf(options: AgentOptions, identity: LinkIdentity) {
  const { cluster, stateDir, clock, random, log } = options;
  const at = (name: string) => join(stateDir, name);
  return {
    options,
    identity,
    at,
    sealing: { provider: fileKeyProvider(at('sealing-key'), random), random },
    own: { stateDir, clock, random, log },
    who: { cluster, trustDomain: identity.trustDomain },
    turn: setImmediate,
    leadership: options.leadership ?? leadsAlone(mainReplica),
  };
}
type Base = ReturnType<typeof baseOf>;

/** The cluster's objects, what the hub has sent, and the intermediate. */
function makeStored({ identity, at, sealing, own: { clock, log } }: Base, { arm }: Later) {
  const view = new ClusterView();
  const hubState = new Journal({ folder: at('hub-state'), clock, log });
  const older = new OlderHubViewFile(at('hub-view.json'), log);
  const hub = new HubStore({ journal: hubState, hub: identity.hubId, log, onUnsaved: arm, older });
  const issuer = new WorkloadIssuer({ path: at('intermediate.json'), ...sealing, clock });
  return { view, hubState, hub, issuer };
}
type Stored = ReturnType<typeof makeStored>;

/** The runtime, the health of proxies, and what is derived by key. */
function makeDerived({ options, sealing, own, who }: Base, { view, hub, issuer }: Stored, later: Later) {
  const { arm, touchKey } = later;
  const runtime = filesRuntime(options.runtime, {
    ...own,
    sealing,
    view,
    hub: hub.resources,
    health: () => later.input.part.health,
    services: () => later.publisher.part.snapshot?.services,
    onPort: (port) => touchKey({ kind: 'port', port }),
    onVips: (client) => touchKey({ kind: 'vips', client }),
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
    ofRuntime: () => runtime.conditions(),
    refusals: (type) => xds.refusals(type),
    store,
    clock,
  });
  const { xds, proxies }: ReturnType<typeof serveProxies> = later.proxies.set(
    serveProxies({
      serving: servingOf(base),
      runtime,
      input,
      issuer,
      health,
      snapshot: () => publisher.snapshot,
      status: () => later.status.part,
      followers: () => [health, later.status.part, reportedCluster, proxies, applied, upstream],
      clock,
      log,
    }),
  );
  const epoch = ownEpoch(new StateFile(base.at('epoch.json'), log), clock.now(), log);
  const policies = clusterCoverage(input, xds);
  const streams = () => xds;
  const applied = new AppliedReports({
    hub,
    policies,
    streams,
    publisher: () => publisher,
    store,
    turn: base.turn,
  });
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
        { published: later.arm },
      ],
      { epoch, clock, turn: base.turn },
    ),
  );
  return { store, reportedCluster, xds, proxies, publisher };
}
type Published = ReturnType<typeof makePublished>;

const servingOf = ({ options, sealing, own: { clock, log } }: Base) =>
  servingIdentity(options.stateDir, options.xdsHost, { ...sealing, clock, log });

/** The link to the hub, what it brings, and what is due by time. */
function makeLinked(
  { options, identity, own, leadership }: Base,
  { view, hub, issuer }: Stored,
  { runtime, health, input }: DerivedParts,
  { store, reportedCluster, xds, proxies, publisher }: Published,
  later: Later,
) {
  const { clock, log } = own;
  const { arm, touchKey } = later;
  const publish = (changes: ChangeSet) => {
    publisher.touch(changes);
    // Before that, what is missing is unknown and not absent.
    if (view.synced && hub.complete) publisher.open();
  };
  const epochs = new HubEpochs(own.stateDir, log);
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
      answer: (ask) => answerTo(ask, publisher.snapshot && { input, snapshot: publisher.snapshot, proxies }),
      onView: (changes) => onHub(changes),
    }),
  );
  const hubEpoch = () => epochs.seen(identity.hubId);
  const status = later.status.set(
    new AgentStatus({ view, hubStore: hub, issuer, xds, link, hubEpoch, clock }),
  );
  const renewals = new Renewals(identity, {
    ...own,
    link,
    issuer,
    leads: () => leadership.leads(),
    activated: () => activated(hub.view),
    intermediates: () => hub.view.intermediates,
  });
  let led = leadership.leads();
  leadership.onChange(() => {
    if (led === leadership.leads()) return;
    led = !led;
    log.info({ replica: leadership.id }, led ? 'this replica leads now' : 'this replica does not lead now');
    link.roleChanged();
    renewals.look();
    arm();
  });
  const onHub = hubChanges({ hub: hub.view, renewals, issuer, publish, arm, log });
  const dueWorks = [
    renewals,
    untilSaved('proofs', clock, health),
    untilSaved('hub state', clock, hub),
    new Deadlines({ trafficShifts: () => hub.view.trafficShifts.values(), touch: touchKey, clock }),
    every('conditions', clock, 1000, () => reportedCluster.lookAtRuntime(touchKey)),
    ...runtime.upkeep,
  ];
  return { link, status, renewals, due: later.due.set(new DueTimes(dueWorks, clock)), publish };
}
