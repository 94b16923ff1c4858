/* eslint-disable max-lines-per-function -- until it is a list of parts (docs/adr/0074, step 29) */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Ask } from '@isthmus/api/domain/question.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { fileKeyProvider, requireSealingKey } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { NetworkAddress } from '@isthmus/mesh/state/service.ts';
import { hostingRefusal } from './ca/hosting.ts';
import { WorkloadIssuer } from './ca/issuer.ts';
import { certificateHandlers } from './ca/service.ts';
import { nextShown } from './health/conditions.ts';
import { ClusterHealth } from './cluster-health.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { AppliedReports } from './coverage/applied-reports.ts';
import { PolicyCoverage } from './coverage/policy-coverage.ts';
import { dueWorks } from './due-works.ts';
import type { ChangeSet } from './keys/change-set.ts';
import { podKey } from './keys/names.ts';
import { HubLinks } from './link/hub-links.ts';
import { HubStore } from './link/hub-store.ts';
import { OlderHubViewFile } from './link/older-hub-view.ts';
import { agentVersion, linkIdentity, type LinkIdentity } from './link/identity.ts';
import { HubEpochs } from './link/hub-epochs.ts';
import { Renewals } from './link/renewals.ts';
import { Journal } from './state/journal.ts';
import { ownEpoch } from './state/own-epoch.ts';
import { podsOf } from './pods.ts';
import { ClusterReports } from './publish/cluster-reports.ts';
import { DueTimes } from './publish/due-times.ts';
import { Publisher } from './publish/publisher.ts';
import { ReportStore } from './publish/report-store.ts';
import { Reports } from './publish/reports.ts';
import { IncrementalTranslation } from './publish/incremental-translation.ts';
import { answerTo } from './answer.ts';
import { ReportedConditions } from './reported-conditions.ts';
import { logRejections } from './rejection-log.ts';
import type { ClusterRuntime } from './runtime/cluster-runtime.ts';
import { servingIdentity } from './serving.ts';
import { filesRuntime, type FilesOptions } from './source/files/runtime.ts';
import { StateFile } from './state/state-file.ts';
import type { TranslateInput } from './translate/input.ts';
import { networkOf } from './translate/network.ts';
import { Pipeline } from './translate/pipeline.ts';
import { clusterReport, healthReport } from './translate/report.ts';
import { serveReports, type ServedReports } from './proxies/serve-reports.ts';
import { AgentStatus, serveStatus } from './telemetry/status.ts';
import { ClusterView } from './view/cluster-view.ts';
import { countsAsProxy, refusalOf } from './xds/admission.ts';
import { XdsServer } from './xds/server.ts';
import { UpstreamZtunnels } from './xds/upstream-ztunnels.ts';

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

/** The agent: its parts, and how they hear of one another. */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<Agent> {
  const { stateDir } = options;
  const lock = lockFolder(stateDir, 'isthmus-agent');
  try {
    requireSealingKey(join(stateDir, 'sealing-key'), sealedIn(stateDir));
    const agent = new Agent(options, await linkIdentity(options));
    await agent.start(signal);
    signal.addEventListener('abort', () => lock.release(), { once: true });
    return agent;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Files that the sealing key has sealed parts of. */
const sealedIn = (stateDir: string): readonly string[] =>
  ['link.json', 'joining-key', 'intermediate.json', 'xds-serving.json', 'token-key'].filter((name) =>
    existsSync(join(stateDir, name)),
  );

export class Agent {
  readonly #options: AgentOptions;
  readonly #identity: ClusterIdentity;
  readonly #view = new ClusterView();
  readonly #hubState: Journal;
  readonly #views: HubStore;
  readonly #runtime: ClusterRuntime;
  readonly #issuer: WorkloadIssuer;
  readonly #xds: XdsServer;
  #proxies!: ServedReports;
  readonly link: HubLinks;
  readonly #reports = new ReportStore((type, names) => this.link.changed(type, names));
  readonly #clusterReports: ClusterReports;
  readonly #upstream = new UpstreamZtunnels();
  readonly #health: ClusterHealth;
  readonly #pipeline: Pipeline;
  readonly #applied: AppliedReports;
  readonly #conditions: ReportedConditions;
  readonly #renewals: Renewals;
  readonly #status: AgentStatus;
  readonly #publisher: Publisher;
  readonly #due: DueTimes;
  /** Proxies refused a policy when the cluster was last reported. */
  #hasRefusals = false;

  constructor(options: AgentOptions, identity: LinkIdentity) {
    const { stateDir, clock, random, log } = options;
    const at = (name: string) => join(stateDir, name);
    const sealing = { provider: fileKeyProvider(at('sealing-key'), random), random };
    this.#options = options;
    this.#identity = { cluster: options.cluster, trustDomain: identity.trustDomain };
    this.#hubState = new Journal({ folder: at('hub-state'), clock, log });
    this.#views = new HubStore({
      journal: this.#hubState,
      hub: identity.hubId,
      log,
      onUnsaved: () => this.#due.arm(),
      older: new OlderHubViewFile(at('hub-view.json'), log),
    });
    this.#issuer = new WorkloadIssuer({
      path: at('intermediate.json'),
      ...sealing,
      clock,
    });
    this.#runtime = filesRuntime(options.runtime, {
      stateDir,
      sealing,
      view: this.#view,
      hub: this.#views.resources,
      health: () => this.#health.current(this.#pipeline.outputs),
      services: () => this.#publisher.snapshot?.services,
      onPort: (port) => this.#publisher.touchKey({ kind: 'port', port }),
      onVips: (client) => this.#publisher.touchKey({ kind: 'vips', client }),
      clock,
      random,
      log,
    });
    this.#conditions = new ReportedConditions({ xds: () => this.#xds });
    this.#health = new ClusterHealth({
      ...this.#identity,
      stateDir,
      clock,
      log,
      streams: () => this.#xds,
      shown: (id, identity) => this.#proxies.reports.of(id)?.certificates.get(identity),
      issuer: () => this.#issuer.currentKeyId,
      intermediates: () => this.#views.view.intermediates,
      onChange: (changes) => this.#publisher.touch(changes),
      onUnsaved: () => this.#due.arm(),
    });
    this.#pipeline = new Pipeline({
      view: this.#view,
      hub: this.#views.resources,
      facts: {
        ...this.#identity,
        now: () => clock.now(),
        upstreamZtunnels: this.#upstream.pods,
        health: this.#health.facts,
      },
    });
    this.#clusterReports = new ClusterReports({ make: () => this.#reportCluster(), clock });
    this.#xds = this.#makeXds(servingIdentity(stateDir, options.xdsHost, { ...options, ...sealing }));
    const epoch = ownEpoch(new StateFile(at('epoch.json'), log), clock.now(), log);
    const { outputs } = this.#pipeline;
    this.#applied = new AppliedReports({
      hub: this.#views,
      policies: new PolicyCoverage({
        cluster: this.#identity.cluster,
        view: this.#view,
        judged: (pod) => outputs.judged(pod),
        isNamed: (uid, policy) =>
          outputs.snapshot.workloads.get(uid)?.authorizationPolicies.includes(policy) ?? false,
        streams: this.#xds,
      }),
      streams: () => this.#xds,
      publisher: () => this.#publisher,
      store: this.#reports,
      turn: setImmediate,
    });
    this.#publisher = new Publisher(
      new IncrementalTranslation(this.#pipeline, () => this.#health.facts.listed(this.#view.pods())),
      [
        this.#runtime.addresses,
        this.#xds,
        ...(this.#runtime.podStarting ? [this.#runtime.podStarting.writer] : []),
        this.#runtime.follower,
        { published: () => this.#upstream.keep((key) => this.#view.podNamed(key) !== undefined) },
        this.#applied,
        new Reports({
          input: () => this.#input(),
          store: this.#reports,
          onHealth: () => this.link.healthChanged(),
        }),
        this.#clusterReports,
        { published: () => this.#due.arm() },
      ],
      { epoch, clock, turn: setImmediate },
    );
    const epochs = new HubEpochs(stateDir, log);
    this.link = new HubLinks({
      identity,
      localAddress: options.localAddress,
      views: this.#views,
      clock,
      random,
      log,
      epochs,
      reports: (type) => this.#reports.of(type),
      health: () => ({
        // Before the first snapshot pods have not been listed, or their proxies not been looked at.
        ...(this.#publisher.snapshot
          ? healthReport(this.#input())
          : { services: [], workloads: 0, partial: true }),
        proxiesConnected: this.#xds.connectedClients().length,
      }),
      answer: (ask) => this.#answer(ask),
      onView: (changes) => this.#hubChanged(changes),
    });
    this.#status = new AgentStatus({
      view: this.#view,
      views: this.#views,
      issuer: this.#issuer,
      xds: this.#xds,
      link: this.link,
      hubEpoch: () => epochs.seen(identity.hubId),
      clock,
    });
    this.#renewals = new Renewals(identity, {
      link: this.link,
      issuer: this.#issuer,
      activated: () => this.#activated(),
      intermediates: () => this.#views.view.intermediates,
      stateDir,
      clock,
      random,
      log,
    });
    this.#due = new DueTimes(
      dueWorks({
        renewals: this.#renewals,
        health: this.#health,
        views: this.#views,
        publisher: this.#publisher,
        runtime: this.#runtime,
        hasNewConditions: () => this.#conditions.differ(this.#runtime.conditions()),
        clock,
      }),
      clock,
    );
  }

  async start(signal: AbortSignal): Promise<void> {
    const { log, xdsHost, xdsPort, admin } = this.#options;
    if (admin) await serveStatus(this.#status, admin, log, signal);
    await this.#xds.listen(xdsHost, xdsPort);
    this.#health.start();
    this.#xds.onApplied((event) => {
      this.#health.answered(event);
      this.#status.answered(event);
      if (event.type === typeUrls.authorization && (event.rejected.size > 0 || this.#hasRefusals))
        this.#clusterReports.touch();
      this.#applied.answered(event);
    });
    void this.#runtime.source.run((batch) => {
      logRejections(batch, log);
      this.#publisher.touch(this.#view.apply(batch));
      this.#openWhenComplete();
    }, signal);
    this.#issuer.activate(this.#activated());
    void this.link.run(signal);
    this.#renewals.look();
    this.#due.arm();
    signal.addEventListener('abort', () => {
      this.#due.stop();
      this.#health.stop();
      void this.#hubState.close();
      this.#xds.close().catch((error: unknown) => log.warn({ error: String(error) }, 'xds did not close'));
    });
  }

  #makeXds(identity: { key: string; chain: string }): XdsServer {
    const { log, clock } = this.#options;
    const header = (metadata: { get(name: string): unknown[] }) =>
      metadata.get('authorization')[0]?.toString();
    const xds = new XdsServer({
      certificates: new Certificates(identity),
      authenticate: (metadata) => this.#runtime.authenticator.authenticate(header(metadata)),
      refusalOf: (client, caller) => refusalOf(this.#input(), client, caller),
      onClient: (client) => {
        this.#health.opened(client);
        this.#applied.opened(client);
        const { namespace, pod: name } = client;
        this.#proxies.opened(client);
        if (this.#upstream.seen(client))
          this.#publisher.touchKey({ kind: 'upstream', pod: podKey({ namespace, name }) });
      },
      counts: (client) => countsAsProxy(this.#input(), client),
      onLost: (client) => {
        this.#health.lost(client);
        this.#proxies.lost(client);
        // What waited for it alone has come everywhere now.
        this.#applied.lost(client);
      },
      vips: (client, service) => this.#vips(client, service),
      clock,
      log,
    });
    this.#proxies = serveReports(xds, {
      identity: this.#identity,
      view: this.#view,
      hub: this.#views,
      snapshot: () => this.#publisher.snapshot,
      addresses: this.#runtime.addresses,
      health: this.#health,
      refusalOf: (client, caller) => refusalOf(this.#input(), client, caller),
      clock,
      log,
    });
    xds.addService(
      certificateService,
      certificateHandlers({
        authenticator: this.#runtime.authenticator,
        issuer: this.#issuer,
        pods: podsOf(this.#view),
        hostingRefusal: (identity, caller) => {
          const issuer = this.#views.view.intermediates.get(this.#issuer.currentKeyId ?? '');
          return hostingRefusal(this.#view, issuer, identity, caller);
        },
        trustDomain: this.#identity.trustDomain,
        onIssued: (proxyUid, identity, leaf) => {
          this.#status.signed();
          this.#health.issued(proxyUid, identity, leaf);
        },
        onRefused: (code) => this.#status.refused(code),
        clock,
        log,
      }),
    );
    return xds;
  }

  #vips(client: string, service: string): readonly NetworkAddress[] {
    const network = networkOf(this.#view);
    return this.#runtime.addresses
      .of(client, service)
      .map((address) => ({ network, address, prefix: undefined }));
  }

  #input(): TranslateInput {
    return {
      ...this.#identity,
      serviceConditions: (service) => this.#runtime.serviceConditions(service),
      view: this.#view,
      hub: this.#views.view,
      health: this.#health.current(this.#pipeline.outputs),
      derived: this.#pipeline.outputs,
    };
  }

  #activated(): ReadonlySet<string> {
    return new Set(this.#views.view.activations.keys());
  }

  #hubChanged(changes: ChangeSet): void {
    // First: a revoked intermediate must not sign for proxies that have just heard of it.
    this.#renewals.look();
    if (this.#issuer.activate(this.#activated()))
      this.#options.log.info({ keyId: this.#issuer.currentKeyId }, 'intermediate active');
    this.#publisher.touch(changes);
    this.#openWhenComplete();
    this.#due.arm();
  }

  /** Before that, what is missing is unknown and not absent. */
  #openWhenComplete(): void {
    if (this.#view.synced && this.#views.complete) this.#publisher.open();
  }

  /** Gives for how many milliseconds the report holds when nothing changes. */
  #reportCluster(): number {
    const input = this.#input();
    const now = this.#options.clock.monotonic();
    this.#hasRefusals = this.#xds.refusals(typeUrls.authorization).size > 0;
    const conditions = this.#conditions.all(this.#runtime.conditions(), input, now);
    const report = clusterReport(input, agentVersion, conditions);
    this.#reports.set('cluster', 'self', report, wire.clusterReport.encode);
    return nextShown(input.health.findings, now) - now;
  }

  #answer(ask: Ask): Promise<Answer> {
    const { snapshot } = this.#publisher;
    return answerTo(ask, snapshot && { input: this.#input(), snapshot, proxies: this.#proxies });
  }
}
