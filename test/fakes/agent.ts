import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import type { Answer, Ask, WorkloadHealth, WorkloadSummary } from '@isthmus/api/domain/question.ts';
import type { ClusterReport, Gateway, ServiceHealth, ServiceReport } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { HubLinks } from '../../cluster-agent/link/hub-links.ts';
import { HubEpochs } from '../../cluster-agent/link/hub-epochs.ts';
import { HubStore } from '../../cluster-agent/link/hub-store.ts';
import { linkIdentity, type LinkIdentity } from '../../cluster-agent/link/identity.ts';
import type { HealthSource } from '../../cluster-agent/publish/health-source.ts';
import { MemoryJournal } from './memory-journal.ts';

/** Until something holds, looked at after every turn of the event loop; an error when it never does. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const start = systemClock.monotonic();
  for (let looks = 0; ; looks++) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (systemClock.monotonic() - start > 25_000) throw new Error(`it never came: ${look.toString()}`);
    // What takes long waits for other processes, which need the processor.
    await new Promise<void>((resolve) => (looks < 100 ? setImmediate(resolve) : setTimeout(resolve, 10)));
  }
}

export const aService = (name: string, over: Partial<ServiceReport> = {}): ServiceReport => ({
  namespace: 'shop',
  name,
  hostname: `${name}.shop.svc.cluster.local`,
  exportRequested: true,
  ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: '' }],
  subjectAltNames: [],
  conditions: [],
  ...over,
});

/** Each cluster's gateway has an address of its own. */
const addressOf = (cluster: string): string =>
  `127.9.${Buffer.from(cluster).reduce((sum, byte) => (sum * 31 + byte) % 250, 7)}.9`;

export const aGateway = (cluster: string, over: Partial<Gateway> = {}): Gateway => ({
  network: `network-${cluster}`,
  address: addressOf(cluster),
  hbonePort: 15_008,
  passthroughPort: 15_443,
  spiffeId: 'spiffe://cluster.local/ns/istio-system/sa/eastwest',
  region: '',
  zone: '',
  ready: true,
  ...over,
});

export const aHealth = (name: string, healthy = 2): ServiceHealth => ({
  namespace: 'shop',
  name,
  groups: [{ region: 'r1', zone: 'z1', transport: 'hbone', total: 2, healthy }],
});

export const provenHealth: WorkloadHealth = {
  healthy: true,
  reason: '',
  message: '',
  remedy: '',
  stale: false,
};

export const aSummary = (name: string, over: Partial<WorkloadSummary> = {}): WorkloadSummary => ({
  uid: `east/shop/${name}`,
  name,
  namespace: 'shop',
  node: 'n1',
  serviceAccount: name,
  mode: 'AMBIENT',
  spiffeId: `spiffe://cluster.local/ns/shop/sa/${name}`,
  addresses: [],
  services: [],
  policies: [],
  ready: true,
  deniesByDefault: false,
  health: provenHealth,
  ...over,
});

/** The link's end of a cluster's agent, over real sockets, reporting whatever a test says. */
export class TestAgent {
  readonly cluster: string;
  readonly hubStore: HubStore;
  readonly stateDir = mkdtempSync(join(tmpdir(), 'isthmus-agent-'));
  readonly reports = new Map<string, Map<string, Produced>>();
  identity!: LinkIdentity;
  health: ServiceHealth[] = [];
  /** It has not finished listing its cluster. */
  partial = false;
  /** How it answers what the hub asks. */
  answer: (ask: Ask) => Promise<Answer> = () =>
    Promise.resolve({ kind: 'workloads', workloads: [], total: 0, hasNext: false });
  /** Which replica of the cluster's agent it is. */
  replica = { id: 'main', leads: true };
  /** Names of resources that it refuses. */
  readonly refuses = new Set<string>();
  readonly #address: string;
  #stop = new AbortController();
  link: HubLinks | undefined;

  constructor(cluster: string, address: string) {
    this.cluster = cluster;
    this.#address = address;
    this.hubStore = new PickyHubStore(this.refuses);
    for (const type of wire.upTypes) this.reports.set(type, new Map());
    this.report('cluster', 'self', wire.clusterReport.encode(aCluster(cluster)));
  }

  async join(hub: { ask<T>(query: string): Promise<{ data?: T }> }): Promise<this> {
    const mutation = `mutation { result: createJoinToken(input: { cluster: "${this.cluster}" }) { token } }`;
    const { data } = await hub.ask<{ result: { token: string } }>(mutation);
    const tokenFile = join(this.stateDir, 'token');
    writeFileSync(tokenFile, data!.result.token);
    rmSync(join(this.stateDir, 'link.json'), { force: true });
    const { cluster, stateDir } = this;
    const at = { cluster, stateDir, tokenFile, localAddress: this.#address };
    this.identity = await linkIdentity({ ...at, clock: systemClock, random: systemRandom });
    return this;
  }

  connect(identity = this.identity, clock: Clock = systemClock): this {
    this.#stop = new AbortController();
    this.link = new HubLinks({
      identity,
      replica: { id: this.replica.id, leads: () => this.replica.leads },
      localAddress: this.#address,
      hubStore: this.hubStore,
      clock,
      random: systemRandom,
      epochs: new HubEpochs(this.stateDir, silentLog),
      log: silentLog,
      reports: (type) => this.reports.get(type),
      health: healthSourceOf(this),
      answer: (ask) => this.answer(ask),
      onView: () => undefined,
    });
    void this.link.run(this.#stop.signal);
    return this;
  }

  /** Another replica of the same cluster, with the same identity. */
  beside(id: string, leads: boolean, address = this.#address): TestAgent {
    const other = new TestAgent(this.cluster, address);
    other.identity = this.identity;
    other.replica = { id, leads };
    return other;
  }

  lead(leads: boolean): void {
    this.replica = { ...this.replica, leads };
    this.link?.roleChanged();
  }

  disconnect(): void {
    this.#stop.abort();
  }

  end(): void {
    this.disconnect();
    rmSync(this.stateDir, { recursive: true });
  }

  report(type: string, name: string, body: Uint8Array | undefined): void {
    const held = new Map(this.reports.get(type));
    if (body) held.set(name, { version: contentVersion(body), body });
    else held.delete(name);
    this.reports.set(type, held);
    this.link?.changed(type);
  }

  service(name: string, over: Partial<ServiceReport> = {}, healthy = 2): this {
    this.report('service', `shop/${name}`, wire.serviceReport.encode(aService(name, over)));
    this.health = [...this.health.filter((one) => one.name !== name), aHealth(name, healthy)];
    this.link?.healthChanged([formatServiceKey({ namespace: 'shop', name })]);
    return this;
  }

  gateway(over: Partial<Gateway> = {}): this {
    const gateway = aGateway(this.cluster, over);
    this.report('gateway', `istio-system/gw/${gateway.address}`, wire.gatewayReport.encode(gateway));
    return this;
  }
}

/** Health reports that say what is in `health` at the moment. */
export const healthSourceOf = (of: {
  readonly health: readonly ServiceHealth[];
  readonly partial?: boolean;
}): HealthSource => ({
  get isListed() {
    return !of.partial;
  },
  pulse: { proxiesConnected: 1, workloads: 1 },
  all: () => of.health,
  of: (service) => of.health.find((one) => formatServiceKey(one) === service),
});

class PickyHubStore extends HubStore {
  readonly #refuses: ReadonlySet<string>;

  constructor(refuses: ReadonlySet<string>) {
    super({ journal: new MemoryJournal(), hub: '', log: silentLog });
    this.#refuses = refuses;
  }

  override apply(...[type, resources, removed]: Parameters<HubStore['apply']>) {
    const bad = resources.filter(({ name }) => this.#refuses.has(name));
    const good = resources.filter(({ name }) => !this.#refuses.has(name));
    const refused = bad.map(({ name }) => ({ name, reason: 'it is not liked' }));
    const { rejected, changes } = super.apply(type, good, removed);
    return { rejected: [...rejected, ...refused], changes };
  }
}

/** What an agent reports of its cluster. */
export const aCluster = (name: string): ClusterReport => ({
  agentVersion: '0.1.0',
  network: `network-${name}`,
  workloadsByMode: {},
  conditions: [],
  nodes: [{ name: 'n1', region: 'r1', zone: 'z1' }],
  rejections: [],
  rejectionCounts: { ERROR: 0, WARNING: 0, INFO: 0 },
});
