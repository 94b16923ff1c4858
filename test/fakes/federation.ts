import { serviceNameOf } from '@isthmus/api/domain/names.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Applied, Gateway, ServiceReport } from '@isthmus/api/domain/report.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import type { Command } from '../../federation/command/command.ts';
import { CommandRunner, type CommandOptions, type Outcome } from '../../federation/command/run.ts';
import { HubIndexes } from '../../federation/index/hub-indexes.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import type { Compiled } from '../../federation/compile/compiled.ts';
import { Catalog } from '../../federation/compile/catalog.ts';
import { Observations } from '../../federation/observation/observations.ts';
import { Live } from '../../federation/state/live.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import { withHealth } from '../../federation/observation/health-steps.ts';
import {
  emptyRecord,
  withApplied,
  withoutReplica,
  withReplica,
} from '../../federation/observation/record-steps.ts';
import type { Now } from '../../federation/state/now.ts';
import type { Settings } from '../../federation/state/snapshot.ts';
import { memoryStore } from '../../federation/store/memory.ts';
import type { Intent, IntentKind, Store, Write } from '../../federation/store/store.ts';
import { aGateway, aService } from './agent.ts';
import { FakeClock } from './clock.ts';
import { aReplica } from './replica.ts';
import { FakeOutside } from './outside.ts';
import { seededRandom } from './random.ts';
import { inShop } from './services.ts';

const settings: Settings = {
  hubId: 'test',
  trustDomain: defaultTrustDomain,
  linkCaHash: '',
  exportByLabel: true,
  exports: 'open',
};

export const aMember = (name: string, over: Partial<Cluster> = {}): Cluster => ({
  kind: 'cluster',
  name,
  admission: 'ADMITTED',
  membership: `m-${name}`,
  trustDomain: defaultTrustDomain,
  drainPercent: 0,
  drainScope: 'ALL',
  drainDeadline: undefined,
  joinedAt: 1,
  namespaces: undefined,
  network: `network-${name}`,
  ...over,
});

/** What one cluster reports: service name to how many of its two endpoints are healthy. */
export interface Reported {
  readonly services?: Readonly<Record<string, number>>;
  readonly over?: Readonly<Record<string, Partial<ServiceReport>>>;
  readonly region?: string;
  readonly transport?: EndpointGroup['transport'];
  readonly gateways?: readonly Gateway[];
  readonly record?: Partial<ClusterRecord>;
}

/** The state of now, which stays when what is observed moves on. The indexes move on all the same. */
export const frozen = (now: Now): Now => ({ ...now, observed: new Map(now.observed) });

/** The hub's inside, in memory and on a clock that stands: commands are run, and what clusters report is said. */
export class Federation {
  readonly clock = new FakeClock();
  readonly store: Store = memoryStore();
  readonly stop = new AbortController();
  readonly random = seededRandom(7);
  readonly observations = new Observations(this.clock);
  readonly outside = new FakeOutside();
  /** Compiles nothing until it is started. */
  readonly catalog = new Catalog();
  live!: Live;
  runner!: CommandRunner;

  static start(...members: readonly string[]): Promise<Federation> {
    return Federation.startWith({}, ...members);
  }

  static async startWith(over: Partial<Settings>, ...members: readonly string[]): Promise<Federation> {
    const one = new Federation();
    const { store, stop, clock, random } = one;
    const index = new HubIndexes();
    one.live = await Live.start(
      {
        store,
        settings: { ...settings, ...over },
        epoch: 1,
        index,
        observations: one.observations,
        outside: one.outside,
        compiled: one.catalog,
        log: silentLog,
      },
      stop.signal,
    );
    one.runner = new CommandRunner({ store, live: one.live, clock, random });
    await one.put(...members.map((name) => aMember(name)));
    return one;
  }

  get now(): Now {
    return this.live.current;
  }

  /** What is observed of a cluster is this from now on. */
  observe(record: ClusterRecord): void {
    this.observations.update(record.cluster, () => record);
  }

  /** Writes objects as they are. */
  put(...values: readonly Intent[]): Promise<void> {
    return this.#write(values.map((put) => ({ put, id: idOf(put), expected: undefined })));
  }

  /** Removes an object, if there is one. */
  remove(kind: IntentKind, id: string): Promise<void> {
    return this.#write([{ remove: kind, id, expected: undefined }]);
  }

  async #write(writes: readonly Write[]): Promise<void> {
    const audit = { id: 'a', at: 1, actor: 'test', action: 'put', subject: '', ...blank };
    const result = await this.store.commit({ writes, audit, fence: 1 });
    if (result.kind === 'committed') await this.live.reached(result.revision);
  }

  run<I, P>(command: Command<I, P>, input: I, over: Partial<CommandOptions> = {}): Promise<Outcome<P>> {
    const options = {
      actor: 'admin',
      dryRun: false,
      expectedRevision: undefined,
      idempotencyKey: '',
      reason: '',
    };
    return this.runner.run(command, input, { ...options, ...over });
  }

  report(
    cluster: string,
    { services = {}, over = {}, region = 'r1', transport = 'hbone', gateways, record }: Reported,
  ): void {
    const groupsOf = (healthy: number) => [{ region, zone: 'z1', transport, total: 2, healthy }];
    const health = new Map(
      Object.entries(services).map(([name, healthy]) => [inShop(name), groupsOf(healthy)] as const),
    );
    this.observe({
      ...emptyRecord(cluster, this.clock.now()),
      link: { kind: 'CONNECTED' },
      synced: true,
      listed: true,
      counted: true,
      asOf: this.clock.now(),
      health,
      nodes: [{ name: 'n1', region, zone: 'z1' }],
      gateways: new Map(
        (gateways ?? [aGateway(cluster)]).map((one, i) => [`gw-${i}`, { name: `gw-${i}`, ...one }]),
      ),
      services: new Map(
        [...health].map(([key, groups]) => {
          const { name } = serviceNameOf(key);
          return [key, { ...aService(name, over[name]), groups }];
        }),
      ),
      ...record,
    });
  }

  /** The cluster's link ends, begins, or is whole. */
  link(cluster: string, kind: 'away' | 'here' | 'whole'): void {
    const record = this.#record(cluster);
    if (kind === 'whole') return this.observe({ ...record, synced: true, listed: true, counted: true });
    const here = withReplica(record, aReplica());
    this.observe(kind === 'here' ? here : withoutReplica(here, 'main', this.clock.now()));
  }

  acknowledge(cluster: string, applied: Applied): void {
    this.observe(withApplied(this.#record(cluster), [[applied.subject, applied]], this.clock.now()));
  }

  /** A health report with nothing new. `skew`: milliseconds that the agent's clock is ahead. */
  heartbeat(cluster: string, skew = 0): void {
    const record = this.#record(cluster);
    const services = [...record.health].map(([key, groups]) => {
      const [namespace = '', name = ''] = key.split('/');
      return { namespace, name, groups: groups.map((group) => ({ ...group })) };
    });
    const report = { sequence: 1, sentAt: this.clock.now() + skew, workloads: 1, unreadable: [], services };
    const { proxiesConnected } = record;
    this.observe(withHealth(record, { ...report, proxiesConnected }, this.clock.now()));
  }

  /** A cluster that is known; one that is not, as it was put first. */
  member(cluster: string): Cluster {
    return this.now.intent.clusters.get(cluster)?.value ?? aMember(cluster);
  }

  /** What a cluster receives of a type now, compiled from scratch. */
  received(cluster: string, type: DownType): ReadonlyMap<string, Compiled> {
    const catalog = new Catalog();
    catalog.start(this.now);
    const { trustDomain } = this.member(cluster);
    const view = catalog.view(type, { cluster, trustDomain });
    return new Map([...view.keys()].flatMap((name) => view.get(name) ?? []).map((one) => [one.name, one]));
  }

  /** The listeners of the changes until now have run. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #record(cluster: string): ClusterRecord {
    return this.live.current.observed.get(cluster) ?? emptyRecord(cluster, this.clock.now());
  }

  /** Time goes by in small steps, as what is done at one moment may set the timer of the next. */
  async pass(millis: number): Promise<void> {
    for (let left = millis; left > 0; left -= 250) {
      await this.clock.advance(Math.min(250, left));
      for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  end(): void {
    this.stop.abort();
  }
}

const blank = { reason: '', outcome: '{}', idempotencyKey: '' };

function idOf(value: Intent): string {
  switch (value.kind) {
    case 'trafficPolicy':
    case 'serviceExport':
    case 'exportApproval':
      return `${value.namespace}/${value.name}`;
    case 'joinToken':
    case 'failover':
    case 'operation':
      return value.id;
    case 'intermediate':
      return value.keyId;
    case 'linkCa':
    case 'adminToken':
      return value.kind;
    default:
      return value.name;
  }
}
