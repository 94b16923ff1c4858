import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { healthConditions } from '@isthmus/cluster-agent/health/conditions.ts';
import { surroundingsOf } from '../../fakes/surroundings.ts';
import { ProvenProxies } from '@isthmus/cluster-agent/health/proven.ts';
import { HealthTracker, type Health, type Judged } from '@isthmus/cluster-agent/health/tracker.ts';
import { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { clientId, podKey, type PodKey } from '@isthmus/cluster-agent/keys/names.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { viewOf } from '../../fakes/cluster.ts';
import { certificatesOf } from '../../fakes/proxies.ts';

const nodes = ['n0', 'n1', 'n2', 'n3'];
const text = [
  'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }',
  ...nodes.flatMap((node) => [
    `apiVersion: v1\nkind: Node\nmetadata: { name: ${node} }`,
    aPod('istio-system', `z-${node}`, 'ztunnel', node),
    aPod('shop', `cart-${node}`, 'cart', node),
  ]),
].join('\n---\n');

function aPod(namespace: string, name: string, account: string, node: string): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, uid: u-${name} }
spec: { nodeName: ${node}, serviceAccountName: ${account}, containers: [{ name: c }] }
status: { podIP: 127.7.1.1, conditions: [{ type: Ready, status: 'True' }] }`;
}

const view = viewOf(text);
const proxyOf = (node: string) => clientId('ztunnel', { namespace: 'istio-system', name: `z-${node}` });
const workloadOf = (node: string) => `east//Pod/shop/cart-${node}`;

/** The wall clock can be set, which timers do not notice. */
class SettableClock extends FakeClock {
  #ahead = 0;

  override now(): number {
    return super.now() + this.#ahead;
  }

  jump(millis: number): void {
    this.#ahead += millis;
  }
}

/** One life of an agent. */
class Life {
  readonly #tracker: HealthTracker;
  readonly #clock: FakeClock;
  /** Workloads that proxies have acknowledged, `<proxy> <workload>`. */
  readonly #held = new Set<string>();
  readonly #judged = new Map<PodKey, Judged>();
  /** Proxies that held workloads when they connected. */
  readonly returned = new Set<string>();
  changes = 0;

  constructor(folder: string, clock: FakeClock) {
    this.#clock = clock;
    this.#tracker = new HealthTracker({
      cluster: 'east',
      isRevoked: () => false,
      proven: new ProvenProxies(
        new Journal({ folder: join(folder, 'proven'), clock, log: silentLog }),
        silentLog,
      ),
      streams: {
        acknowledged: (id, uid) => (this.#held.has(`${id} ${uid}`) ? 'YES' : 'NO'),
        returned: (id) => this.returned.has(id),
        shown: () => undefined,
      },
      issued: certificatesOf().issued,
      clock,
      onChange: () => this.changes++,
    });
    this.#tracker.start();
  }

  connect(...on: string[]): this {
    for (const node of on) this.#tracker.opened(proxyOf(node));
    return this;
  }

  acknowledge(...on: string[]): this {
    for (const node of on) {
      this.#held.add(`${proxyOf(node)} ${workloadOf(node)}`);
      this.#tracker.answered(proxyOf(node), [workloadOf(node)], []);
    }
    return this;
  }

  /** A proxy answers to a response that names no workload. */
  answer(node: string): this {
    this.#tracker.answered(proxyOf(node), [], []);
    return this;
  }

  lose(...on: string[]): this {
    for (const node of on) {
      for (const key of [...this.#held]) if (key.startsWith(`${proxyOf(node)} `)) this.#held.delete(key);
      this.#tracker.lost(proxyOf(node));
    }
    return this;
  }

  /** Judges every pod. */
  assess(): Health {
    const around = surroundingsOf(view, cluster);
    for (const pod of view.pods()) {
      const key = podKey(pod.metadata);
      const before = this.#judged.get(key);
      const after = { pod, part: around.part(pod), verdict: this.#tracker.judge(pod, around) };
      this.#judged.set(key, after);
      this.#tracker.take(key, { before, after });
    }
    return {
      of: ({ metadata }) => this.#judged.get(podKey(metadata))!.verdict,
      problems: this.#tracker.problems,
    };
  }

  healthy(): string[] {
    const health = this.assess();
    return nodes.filter((node) => !health.of(view.get('Pod', 'shop', `cart-${node}`)!).problem);
  }

  reasons(): string[] {
    const conditions = healthConditions(this.assess().problems, this.#clock.monotonic());
    return conditions.map(({ reason, object }) => `${reason} ${object}`.trim());
  }
}

const cluster = { cluster: 'east', trustDomain: defaultTrustDomain };

describe('the health of a cluster', () => {
  let folder = '';
  let clock = new SettableClock();
  let life: Life;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-health-'));
    clock = new SettableClock();
    life = new Life(folder, clock);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const allWell = () => {
    life.connect(...nodes).acknowledge(...nodes);
    assert.deepEqual(life.healthy(), nodes);
    return life;
  };

  it('follows acknowledgements, and says that it may have changed once for many at a time', async () => {
    life.connect(...nodes);
    assert.deepEqual(life.healthy(), []);
    life.acknowledge('n0', 'n1');
    await clock.advance(49);
    assert.equal(life.changes, 0);
    await clock.advance(1);
    assert.equal(life.changes, 1);
    assert.deepEqual(life.healthy(), ['n0', 'n1']);
  });

  it('looks again at the first answer of a proxy that held workloads when it connected, and of no other', async () => {
    life.connect('n0', 'n1');
    await clock.advance(50);
    life.returned.add(proxyOf('n1'));
    const before = life.changes;
    life.answer('n0');
    await clock.advance(50);
    assert.equal(life.changes, before);
    life.answer('n1');
    await clock.advance(50);
    assert.equal(life.changes, before + 1);
    life.answer('n1');
    await clock.advance(50);
    assert.equal(life.changes, before + 1);
  });

  it('finds within a minute that certificates have ended when the wall clock jumps beyond their end', async () => {
    allWell();
    await clock.advance(100);
    const before = life.changes;
    clock.jump(Date.UTC(2101, 0) - clock.now());
    await clock.advance(59_800);
    assert.equal(life.changes, before);
    await clock.advance(300);
    assert.equal(life.changes, before + 1);
    assert.deepEqual(life.healthy(), []);
  });

  it('leaves the endpoints of a proxy that is gone for 5 s, and names it in a condition', async () => {
    allWell().lose('n1');
    await clock.advance(4999);
    assert.deepEqual([life.healthy(), life.reasons()], [nodes, []]);
    const before = life.changes;
    await clock.advance(51);
    assert.equal(life.changes, before + 1);
    assert.deepEqual(life.healthy(), ['n0', 'n2', 'n3']);
    assert.deepEqual(life.reasons(), ['PROXY_NOT_CONNECTED Pod istio-system/z-n1']);
    life.connect('n1').acknowledge('n1');
    assert.deepEqual([life.healthy(), life.reasons()], [nodes, []]);
  });

  it('takes nothing away while one proxy is restarted', async () => {
    allWell().lose('n1');
    await clock.advance(1500);
    life.connect('n1');
    assert.deepEqual(life.healthy(), nodes);
    await clock.advance(200);
    life.acknowledge('n1');
    await clock.advance(10_000);
    assert.deepEqual(life.healthy(), nodes);
  });

  it('takes nothing away for 30 s when it loses three proxies at once, and says that the values are old', async () => {
    allWell().lose('n0', 'n1', 'n2');
    await clock.advance(29_999);
    assert.deepEqual([life.healthy(), life.reasons()], [nodes, ['PROXY_STALE']]);
    await clock.advance(1);
    assert.deepEqual(life.healthy(), ['n3']);
    assert.equal(life.reasons().length, 3);
  });

  it('takes nothing away for 30 s after the agent was killed, and then what has not come back', async () => {
    allWell();
    life = new Life(folder, clock);
    assert.deepEqual([life.healthy(), life.reasons()], [nodes, ['PROXY_STALE']]);
    await clock.advance(10_000);
    life.connect('n0', 'n1', 'n2').acknowledge('n0', 'n1', 'n2');
    assert.deepEqual(life.healthy(), nodes);
    await clock.advance(20_000);
    assert.deepEqual(life.healthy(), ['n0', 'n1', 'n2']);
    assert.deepEqual(life.reasons(), ['PROXY_NOT_CONNECTED Pod istio-system/z-n3']);
  });

  it('knows after a restart who was not healthy before', async () => {
    allWell().lose('n1');
    await clock.advance(6000);
    assert.deepEqual(life.healthy(), ['n0', 'n2', 'n3']);
    life = new Life(folder, clock);
    assert.deepEqual(life.healthy(), ['n0', 'n2', 'n3']);
  });

  it('misses the proxy of a pod that starts only after 5 s', async () => {
    assert.deepEqual(life.reasons(), []);
    await clock.advance(4999);
    assert.deepEqual(life.reasons(), []);
    await clock.advance(1);
    assert.equal(life.reasons().length, 4);
  });

  it('saves which proxies were proven before it publishes the change, also for changes in quick succession', async () => {
    const known = () => new Life(folder, clock).healthy();
    life.connect('n0', 'n1').acknowledge('n0').healthy();
    assert.deepEqual(known(), ['n0']);
    await clock.advance(50);
    life.acknowledge('n1').healthy();
    assert.deepEqual(known(), ['n0', 'n1']);
  });
});
