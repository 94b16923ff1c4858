import { join } from 'node:path';
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
import { activated, hubChanges } from './link/hub-changes.ts';
import { HubEpochs } from './link/hub-epochs.ts';
import { HubLinks } from './link/hub-links.ts';
import { HubStore } from './link/hub-store.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import type { LinkIdentity } from './link/identity.ts';
import { OlderHubViewFile } from './link/older-hub-view.ts';
import { Renewals } from './link/renewals.ts';
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
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The agent's parts, each with what it needs of the others. Those that are made later are reached by functions. */
// eslint-disable-next-line max-lines-per-function -- a list, in the order in which parts are made
export function assemble(options: AgentOptions, identity: LinkIdentity): Parts {
  const { cluster, stateDir, localAddress, clock, random, log } = options;
  const { trustDomain } = identity;
  const at = (name: string) => join(stateDir, name);
  const sealing = { provider: fileKeyProvider(at('sealing-key'), random), random };
  const own = { stateDir, clock, random, log };
  const who = { cluster, trustDomain };
  const turn = setImmediate;
  const touchKey = (key: Touched) => publisher.touchKey(key);
  const arm = () => due.arm();

  const view = new ClusterView();
  const hubState = new Journal({ folder: at('hub-state'), clock, log });
  const older = new OlderHubViewFile(at('hub-view.json'), log);
  const hub = new HubStore({ journal: hubState, hub: identity.hubId, log, onUnsaved: arm, older });
  const issuer = new WorkloadIssuer({ path: at('intermediate.json'), ...sealing, clock });
  const runtime = filesRuntime(options.runtime, {
    ...own,
    sealing,
    view,
    hub: hub.resources,
    health: () => input.health,
    services: () => publisher.snapshot?.services,
    onPort: (port) => touchKey({ kind: 'port', port }),
    onVips: (client) => touchKey({ kind: 'vips', client }),
  });
  const health: ClusterHealth = new ClusterHealth({
    ...who,
    ...own,
    streams: () => xds,
    shown: (id, spiffeId) => proxies.reports.of(id)?.certificates.get(spiffeId),
    issuer: () => issuer.currentKeyId,
    intermediates: () => hub.view.intermediates,
    onChange: (changes) => publisher.touch(changes),
    onUnsaved: arm,
  });
  const upstreamZtunnels = new UpstreamZtunnels();
  const facts = {
    ...who,
    now: () => clock.now(),
    upstreamZtunnels: upstreamZtunnels.pods,
    health: health.facts,
  };
  const pipeline = new Pipeline({ view, hub: hub.resources, facts });
  const { outputs } = pipeline;
  const input: TranslateInput = {
    ...who,
    view,
    hub: hub.view,
    health: health.current(outputs),
    derived: outputs,
    serviceConditions: (service) => runtime.serviceConditions(service),
  };
  const upstream = followUpstream(upstreamZtunnels, { view, touch: touchKey });
  const store = new ReportStore((type, names) => link.changed(type, names));
  const reportedCluster = new ReportedCluster({
    input,
    agentVersion: version,
    ofRuntime: () => runtime.conditions(),
    refusals: (type) => xds.refusals(type),
    store,
    clock,
  });
  const { xds, proxies }: ReturnType<typeof serveProxies> = serveProxies({
    serving: servingIdentity(stateDir, options.xdsHost, { ...sealing, clock, log }),
    runtime,
    input,
    issuer,
    health,
    snapshot: () => publisher.snapshot,
    status: () => status,
    followers: () => [health, status, reportedCluster, proxies, applied, upstream],
    clock,
    log,
  });
  const epoch = ownEpoch(new StateFile(at('epoch.json'), log), clock.now(), log);
  const policies = clusterCoverage(input, xds);
  const applied = new AppliedReports({
    hub,
    policies,
    streams: () => xds,
    publisher: () => publisher,
    store,
    turn,
  });
  const publisher: Publisher = new Publisher(
    new IncrementalTranslation(pipeline, () => health.facts.listed(view.pods())),
    [
      runtime.addresses,
      xds,
      ...(runtime.podStarting ? [runtime.podStarting.writer] : []),
      runtime.follower,
      upstream,
      applied,
      new Reports({ input: () => input, store, onHealth: () => link.healthChanged() }),
      reportedCluster,
      { published: arm },
    ],
    { epoch, clock, turn },
  );
  const publish = (changes: ChangeSet) => {
    publisher.touch(changes);
    // Before that, what is missing is unknown and not absent.
    if (view.synced && hub.complete) publisher.open();
  };
  const epochs = new HubEpochs(stateDir, log);
  const link: HubLinks = new HubLinks({
    identity,
    localAddress,
    ...own,
    hubStore: hub,
    epochs,
    reports: (type) => store.of(type),
    health: heartbeat({ input, publisher, proxies: xds }),
    answer: (ask) => answerTo(ask, publisher.snapshot && { input, snapshot: publisher.snapshot, proxies }),
    onView: (changes) => onHub(changes),
  });
  const hubEpoch = () => epochs.seen(identity.hubId);
  const status: AgentStatus = new AgentStatus({ view, hubStore: hub, issuer, xds, link, hubEpoch, clock });
  const renewals = new Renewals(identity, {
    ...own,
    link,
    issuer,
    activated: () => activated(hub.view),
    intermediates: () => hub.view.intermediates,
  });
  const onHub = hubChanges({ hub: hub.view, renewals, issuer, publish, arm, log });
  const due: DueTimes = new DueTimes(
    [
      renewals,
      untilSaved('proofs', clock, health),
      untilSaved('hub state', clock, hub),
      new Deadlines({ trafficShifts: () => hub.view.trafficShifts.values(), touch: touchKey, clock }),
      every('conditions', clock, 1000, () => reportedCluster.lookAtRuntime(touchKey)),
      ...runtime.upkeep,
    ],
    clock,
  );
  return { view, runtime, hubState, hub, issuer, health, xds, link, status, renewals, due, publish };
}
