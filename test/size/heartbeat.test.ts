import assert from 'node:assert/strict';
import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { SentHealth } from '@isthmus/cluster-agent/link/sent-health.ts';
import { heartbeat } from '@isthmus/cluster-agent/publish/heartbeat.ts';
import { ReportStore } from '@isthmus/cluster-agent/publish/report-store.ts';
import { Reports } from '@isthmus/cluster-agent/publish/reports.ts';
import { ChangingCluster } from '../fakes/changing-cluster.ts';
import { objectsOf } from '../fakes/cluster.ts';
import { assertScales, type Work } from './doubled.ts';

const pod = (i: number, label: string, zone = 'a') => `
apiVersion: v1
kind: Pod
metadata: { name: p-${i}, namespace: shop, uid: u-${i}, labels: { app: ${label} } }
spec: { nodeName: n-${zone}, serviceAccountName: app, containers: [{}] }
status: { podIP: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}, conditions: [{ type: Ready, status: 'True' }] }
`;

const service = (i: number) => `
apiVersion: v1
kind: Service
metadata: { name: s-${i}, namespace: shop }
spec: { selector: { app: s-${i} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

const numbers = (size: number) => Array.from({ length: size }, (_, i) => i);

/** A cluster of so many services with a pod each, and what its heartbeats cost. */
class Heartbeats {
  readonly cluster: ChangingCluster;
  readonly #sent: SentHealth;
  readonly #reports: Reports;
  readonly #takesChanges: boolean;
  readonly #counted = new WeakMap<ServiceHealth, ServiceHealth>();
  /** How often the health of a service was asked for, and its counts read. */
  visits = 0;
  bytes = 0;

  constructor(size: number, takesChanges = true) {
    this.#takesChanges = takesChanges;
    const texts = numbers(size).map((i) => [pod(i, `s-${i}`), service(i)].join('---'));
    this.cluster = new ChangingCluster(texts.flatMap((text) => [...objectsOf(text).values()]));
    const { cluster } = this;
    const proxies = { connected: 0 };
    const publisher = { snapshot: cluster.pipeline.snapshot };
    const source = heartbeat({ input: cluster.input, publisher, proxies });
    const counted = {
      isListed: true,
      pulse: source.pulse,
      all: () => source.all().map((one) => this.#countedOf(one)),
      of: (key: Parameters<typeof source.of>[0]) => {
        const one = source.of(key);
        this.visits++;
        return one && this.#countedOf(one);
      },
    };
    this.#sent = new SentHealth(counted, cluster.clock);
    this.#reports = new Reports({
      input: () => cluster.input,
      store: new ReportStore(() => undefined),
      onHealth: (services) => this.#sent.touch(services),
    });
  }

  async change(text: string): Promise<void> {
    for (const object of objectsOf(text).values() as Iterable<ClusterObject>)
      await this.cluster.apply([{ kind: 'object', object }]);
    this.#reports.published({ keys: this.cluster.update(), changed: new Map(), bulk: new Set() });
  }

  /** The next heartbeat as it is sent, which the hub acknowledges. */
  beat(): HealthReport {
    const report = this.#sent.next();
    const bytes = link.healthReport.encode(report);
    this.bytes += bytes.length;
    this.#sent.hear({ sequence: report.sequence, takesChanges: this.#takesChanges, isRefused: false });
    const sent = link.healthReport.decode(bytes);
    assert.ok(sent.ok);
    return sent.value;
  }

  counted(): { readonly visits: number; readonly bytes: number } {
    const before = { visits: this.visits, bytes: this.bytes };
    this.beat();
    return { visits: this.visits - before.visits, bytes: this.bytes - before.bytes };
  }

  /** The same for the same object. What compares or encodes the groups reads them. */
  #countedOf(health: ServiceHealth): ServiceHealth {
    const known = this.#counted.get(health);
    if (known) return known;
    const count = () => this.visits++;
    const counted = {
      ...health,
      get groups() {
        count();
        return health.groups;
      },
    };
    this.#counted.set(health, counted);
    return counted;
  }
}

describe('the size of a heartbeat', () => {
  const measured = async (size: number) => {
    const beats = new Heartbeats(size);
    const first = beats.counted();
    await beats.change(pod(size, 's-7'));
    return { first, change: beats.counted() };
  };

  it('has twice as many services and bytes at first when they are doubled, and as many when the count of one changes', async () => {
    const [once, twice] = [await measured(1000), await measured(2000)];
    for (const what of ['visits', 'bytes'] as const) {
      const work = ({ first, change }: typeof once): Work => ({
        firstSync: first[what],
        change: change[what],
      });
      assertScales((size) => work(size === 1000 ? once : twice), 1000);
    }
    assert.ok(twice.change.visits <= 4, `${twice.change.visits} services were read for one`);
    assert.ok(twice.change.bytes <= 100, `${twice.change.bytes} bytes were sent for one`);
  });

  it('encodes as many services when the count of one changes, to a hub that takes no changes', async () => {
    const work = async (size: number): Promise<Work> => {
      const beats = new Heartbeats(size, false);
      const firstSync = beats.counted().visits;
      await beats.change(pod(size, 's-7'));
      return { firstSync, change: beats.counted().visits };
    };
    const [once, twice] = [await work(500), await work(1000)];
    assertScales((size) => (size === 500 ? once : twice), 500);
  });

  it('reads and encodes no service when no count has changed', async () => {
    const beats = new Heartbeats(50);
    beats.beat();
    await beats.change(pod(0, 's-0'));
    assert.equal(beats.counted().visits, 0);
    assert.equal(beats.beat().partial, true);
  });

  it('says of a service that comes, goes or changes what is there then; as a whole in the order of names', async () => {
    const beats = new Heartbeats(3);
    const said = () => beats.beat().services.map(({ name, groups }) => [name, groups[0]?.total]);
    const three = [
      ['s-0', 1],
      ['s-1', 1],
      ['s-2', 1],
    ];
    assert.deepEqual(said(), three);
    await beats.change(service(10) + '---' + pod(10, 's-10'));
    assert.deepEqual(said(), [['s-10', 1]]);
    await beats.change(pod(10, 's-2'));
    const { services, changes } = beats.beat();
    assert.deepEqual(
      services.map(({ name, groups }) => [name, groups[0]?.total]),
      [['s-2', 2]],
    );
    assert.deepEqual(changes?.removed, ['shop/s-10']);
    await beats.cluster.clock.advance(60_000);
    assert.deepEqual(said(), [...three.slice(0, 2), ['s-2', 2]]);
  });
});
