import assert from 'node:assert/strict';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { LocalPod } from '@isthmus/ztunnel/capture/capture.ts';
import { DnsMetrics } from '@isthmus/ztunnel/dns/metrics.ts';
import { DnsServer, type DnsLimits } from '@isthmus/ztunnel/dns/server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { answerTo, decoded, questionBytes, withEdns } from './asked.ts';
import { ResolverNet } from './resolver-net.ts';

const network = 'network-east';
const front: LocalPod = { kind: 'uid', uid: 'east//Pod/shop/front' };
const back: LocalPod = { kind: 'uid', uid: 'east//Pod/shop/back' };

class World {
  readonly clock = new FakeClock();
  readonly metrics = new DnsMetrics();
  readonly net: ResolverNet;
  readonly server: DnsServer;
  readonly received: string[] = [];
  /** Who pods are. */
  workloadOf: (pod: LocalPod) => Promise<Workload | undefined> = (pod) =>
    Promise.resolve(aWorkload({ uid: pod.kind === 'uid' ? pod.uid : '', canonicalName: 'front' }));

  constructor(limits: Partial<DnsLimits> = {}, answers = true) {
    this.net = new ResolverNet(({ bytes, say }) => {
      if (answers) say(answerTo(bytes, '192.0.2.1'));
    });
    const state = new MeshState();
    const cart = aService({ name: 'cart', addresses: [{ network, address: '10.1.0.1', prefix: undefined }] });
    state.applyAddresses([{ kind: 'service', service: cart }], []);
    this.server = new DnsServer({
      clock: this.clock,
      random: seededRandom(1),
      state,
      capture: {
        dial: () => Promise.reject(new Error('not here')),
        resolverSocket: (_, to, hooks) => this.net.datagrams(to, hooks),
      },
      metrics: this.metrics,
      workloadOf: (pod) => this.workloadOf(pod),
      resolvers: { nameservers: [{ address: '10.96.0.10', port: 53 }], search: [] },
      preferredNamespace: '',
      limits,
    });
  }

  ask(bytes: Buffer, pod: LocalPod = front): void {
    this.server.datagram({
      pod,
      from: { address: '10.0.0.1', port: 40_000 },
      bytes,
      answer: (said) => {
        const { rcode, answers = [] } = decoded(said);
        this.received.push(
          [
            rcode,
            ...answers.map((one) => ('data' in one && typeof one.data === 'string' ? one.data : '')),
          ].join(' '),
        );
      },
    });
  }

  settle = (): Promise<void> => this.clock.advance(0);

  requests = (): readonly (readonly [string, number])[] =>
    this.metrics.all().map(({ labels, requests }) => [labels.request_query_type, requests]);
}

describe('the DNS server of a proxy', () => {
  it('says SERVFAIL to a pod of which nothing is known, once it has waited for it', async () => {
    const world = new World();
    const { promise, resolve } = Promise.withResolvers<Workload | undefined>();
    world.workloadOf = () => promise;
    world.ask(questionBytes('cart'));
    await world.settle();
    assert.deepEqual([world.received, world.server.inProgress], [[], 1]);
    resolve(undefined);
    await world.settle();
    assert.deepEqual([world.received, world.server.inProgress], [['SERVFAIL'], 0]);
  });

  it('answers a pod that becomes known while it waits', async () => {
    const world = new World();
    const { promise, resolve } = Promise.withResolvers<Workload | undefined>();
    world.workloadOf = () => promise;
    world.ask(questionBytes('cart'));
    resolve(aWorkload({ uid: 'front' }));
    await world.settle();
    assert.deepEqual(world.received, ['NOERROR 10.1.0.1']);
  });

  const refusals: Record<string, readonly [bytes: Buffer, received: string]> = {
    'a message that cannot be read': [questionBytes('cart').subarray(0, -1), 'FORMERR'],
    'another operation': [questionBytes('cart', 'A', { flags: 0x2800 }), 'NOTIMP'],
  };
  for (const [what, [bytes, received]] of Object.entries(refusals))
    it(`says ${received} to ${what}, and counts it`, async () => {
      const world = new World();
      world.ask(bytes);
      await world.settle();
      assert.deepEqual([world.received, world.requests()], [[received], [['unknown', 1]]]);
    });

  it('says nothing to an answer, and to less than a header', async () => {
    const world = new World();
    world.ask(answerTo(questionBytes('cart'), '10.0.0.1'));
    world.ask(questionBytes('cart').subarray(0, 11));
    await world.settle();
    assert.deepEqual([world.received, world.requests()], [[], []]);
  });

  it('forwards another class than the internet’s', async () => {
    const world = new World();
    world.ask(questionBytes('cart', 'A', { questions: [{ name: 'cart', type: 'A', class: 'CH' }] }));
    await world.settle();
    assert.equal(world.net.asked.length, 1);
  });

  it('says SERVFAIL when no resolver has answered within 5 s, and keeps no socket', async () => {
    const world = new World({}, false);
    world.ask(questionBytes('www.elsewhere.org'));
    await world.settle();
    await world.clock.advance(4999);
    assert.deepEqual([world.received, world.net.open], [[], 1]);
    await world.clock.advance(1);
    assert.deepEqual([world.received, world.net.open, world.server.inProgress], [['SERVFAIL'], 0, 0]);
  });

  it('cuts what a resolver sends to what the client takes', async () => {
    const world = new World({}, false);
    world.ask(questionBytes('www.elsewhere.org', 'A', withEdns(512)));
    await world.settle();
    const [asked] = world.net.asked;
    assert.ok(asked);
    const answers = Array.from({ length: 50 }, (_, i) => ({
      type: 'A' as const,
      name: 'www.elsewhere.org',
      data: `192.0.2.${i}`,
    }));
    asked.say(answerTo(asked.bytes, '', { answers }));
    await world.settle();
    const [received = ''] = world.received;
    assert.ok(received.startsWith('NOERROR 192.0.2.0') && received.split(' ').length < 30, received);
  });

  for (const [count, refused] of [
    [3, 0],
    [4, 0],
    [5, 1],
  ] as const)
    it(`has room for 4 questions of a pod: of ${count} it refuses ${refused}, and none of another pod`, async () => {
      const world = new World({ questions: { ofPod: 4, all: 100 } }, false);
      for (let i = 0; i < count; i++) world.ask(questionBytes('www.elsewhere.org'));
      await world.settle();
      world.ask(questionBytes('cart'), back);
      await world.settle();
      const expected = [...Array.from({ length: refused }, () => 'SERVFAIL'), 'NOERROR 10.1.0.1'];
      assert.deepEqual(world.received, expected);
      await world.clock.advance(5000);
      world.ask(questionBytes('cart'));
      await world.settle();
      assert.equal(world.received.at(-1), 'NOERROR 10.1.0.1', 'there is room again');
    });

  for (const [count, refused] of [
    [3, 0],
    [4, 0],
    [5, 1],
  ] as const)
    it(`has room for 4 questions of all pods: of ${count} it refuses ${refused}`, async () => {
      const world = new World({ questions: { ofPod: 100, all: 4 } }, false);
      for (let i = 0; i < count; i++)
        world.ask(questionBytes('www.elsewhere.org'), { kind: 'uid', uid: `pod-${i}` });
      await world.settle();
      assert.equal(world.received.length, refused);
    });
});

describe('metrics of questions', () => {
  it('count types without a name as unknown, so that a pod makes no label sets', () => {
    const metrics = new DnsMetrics();
    for (let type = 1000; type < 1100; type++) metrics.asked(`UNKNOWN_${type}`, 'udp', undefined);
    assert.deepEqual(
      metrics.all().map(({ labels, requests }) => [labels.request_query_type, requests]),
      [['unknown', 100]],
    );
  });

  for (const [count, kept] of [
    [9, 9],
    [10, 10],
    [11, 10],
  ] as const)
    it(`of ${count} sources are kept for ${kept}, the longest unused going first`, () => {
      const metrics = new DnsMetrics(10);
      const asked = (i: number) =>
        metrics.asked('A', 'udp', { canonicalName: `pod-${i}`, canonicalRevision: '' });
      for (let i = 0; i < count; i++) {
        asked(i);
        asked(0);
      }
      const names = metrics.all().map(({ labels }) => labels.source_canonical_service);
      assert.deepEqual([names.length, names.includes('pod-0')], [kept, true]);
    });
});
