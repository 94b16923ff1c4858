import assert from 'node:assert/strict';
import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { WholeHealth } from '@isthmus/cluster-agent/link/whole-health.ts';
import { healthReport } from '@isthmus/cluster-agent/translate/report.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
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
  readonly #whole = new WholeHealth();
  readonly #counted = new WeakMap<ServiceHealth, ServiceHealth>();
  #sequence = 0;
  encoded = 0;

  constructor(size: number) {
    const objects = numbers(size).flatMap((i) => [pod(i, `s-${i}`), service(i)]);
    this.cluster = new ChangingCluster(objectsOf(objects.join('---')).values());
  }

  async change(text: string): Promise<void> {
    for (const object of objectsOf(text).values() as Iterable<ClusterObject>)
      await this.cluster.apply([{ kind: 'object', object }]);
    this.cluster.update();
  }

  /** The next heartbeat as it is sent, which the hub acknowledges. */
  beat(): HealthReport {
    const { services, workloads } = healthReport(this.cluster.input);
    const report = this.#whole.next(
      {
        services: services.map((one) => this.#countedOf(one)),
        workloads,
        sequence: ++this.#sequence,
        sentAt: 0,
        proxiesConnected: 0,
        unreadable: [],
      },
      0,
    );
    const sent = link.healthReport.decode(link.healthReport.encode(report));
    this.#whole.acknowledged(this.#sequence);
    assert.ok(sent.ok);
    return sent.value;
  }

  counted(): number {
    const before = this.encoded;
    this.beat();
    return this.encoded - before;
  }

  /** The same for the same object. What compares or encodes the groups reads them. */
  #countedOf(health: ServiceHealth): ServiceHealth {
    const known = this.#counted.get(health);
    if (known) return known;
    const count = () => this.encoded++;
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
  it('encodes twice as many services at first when they are doubled, and as many when the count of one changes', async () => {
    const work = async (size: number): Promise<Work> => {
      const beats = new Heartbeats(size);
      const firstSync = beats.counted();
      await beats.change(pod(size, 's-7'));
      return { firstSync, change: beats.counted() };
    };
    const [once, twice] = [await work(500), await work(1000)];
    assertScales((size) => (size === 500 ? once : twice), 500);
    assert.ok(twice.change <= 4, `${twice.change} services were read for one`);
  });

  it('reads and encodes no service when no count has changed', async () => {
    const beats = new Heartbeats(50);
    beats.beat();
    await beats.change(pod(0, 's-0'));
    assert.equal(beats.counted(), 0);
    assert.equal(beats.beat().partial, true);
  });

  it('says of a service that comes, goes or changes what is there then, in the order of names', async () => {
    const beats = new Heartbeats(3);
    const said = () => beats.beat().services.map(({ name, groups }) => [name, groups[0]?.total]);
    const three = [
      ['s-0', 1],
      ['s-1', 1],
      ['s-2', 1],
    ];
    assert.deepEqual(said(), three);
    await beats.change(service(10) + '---' + pod(10, 's-10'));
    assert.deepEqual(said(), [...three.slice(0, 2), ['s-10', 1], ['s-2', 1]]);
    await beats.change(pod(10, 's-2'));
    assert.deepEqual(said(), [...three.slice(0, 2), ['s-2', 2]]);
  });
});
