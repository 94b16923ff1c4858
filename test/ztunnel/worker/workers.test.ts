import assert from 'node:assert/strict';
import type { ToWorker, FromWorker } from '@isthmus/ztunnel/messages.ts';
import { ScatterGather } from '@isthmus/ztunnel/worker/scatter-gather.ts';
import { Workers, type WorkerPort } from '@isthmus/ztunnel/worker/host.ts';

describe('ztunnel/worker gathering', () => {
  it('has one answer of each in any order, and keeps rounds apart', async () => {
    const gathering = new ScatterGather<string>(2);
    const [first, second] = [gathering.expect(), gathering.expect()];
    gathering.heard(1, 'b1');
    gathering.heard(1, 'b2');
    gathering.heard(0, 'a1');
    assert.deepEqual(await first, ['b1', 'a1']);
    gathering.heard(0, 'a2');
    assert.deepEqual(await second, ['b2', 'a2']);
  });

  it('ignores an answer without a request', async () => {
    const gathering = new ScatterGather<string>(1);
    gathering.heard(0, 'unasked');
    gathering.heard(9, 'of nobody');
    const answers = gathering.expect();
    gathering.heard(0, 'asked');
    assert.deepEqual(await answers, ['asked']);
  });
});

/** A worker whose words are the test's. */
class FakePort implements WorkerPort {
  readonly messages: ToWorker[] = [];
  say: (message: FromWorker) => void = () => assert.fail('not connected');
  die: (error: Error) => void = () => assert.fail('not connected');
  postMessage(message: ToWorker): void {
    this.messages.push(message);
  }
  onMessage(listener: (message: FromWorker) => void): void {
    this.say = listener;
  }
  onDied(listener: (error: Error) => void): void {
    this.die = listener;
  }
}

describe('ztunnel/worker, two workers as one', () => {
  function world() {
    const [a, b] = [new FakePort(), new FakePort()];
    const heard: string[] = [];
    const workers = new Workers([a, b], {
      onWant: (identity, urgent) => heard.push(`want ${identity}${urgent ? ' urgently' : ''}`),
      onForget: (identity) => heard.push(`forget ${identity}`),
      onRenew: (identity) => heard.push(`renew ${identity}`),
      onListening: () => heard.push('listening'),
      onProblem: (address, port, error) => heard.push(`problem ${address}:${port} ${error}`),
      onCounts: () => heard.push('counts'),
      onCaptured: (address, port) => heard.push(`captured ${address}:${port}`),
      onStuck: (stuck) => heard.push(`stuck ${String(stuck)}`),
      onDrained: () => heard.push('drained'),
      onDied: (error) => heard.push(`died ${error.message}`),
    });
    return { a, b, heard, workers };
  }
  const body = Buffer.from('x');

  it('a pod is enrolled when both have its listeners, or one says why not, and has left when both say so', async () => {
    const { a, b, workers } = world();
    const pod = { number: 1, uid: 'east//Pod/shop/one', serviceAccount: 'one', namespace: 9 };
    const first = workers.enrol(pod);
    const second = workers.enrol({ ...pod, number: 2 });
    const left = workers.leave(1, 5000);
    for (const { messages } of [a, b])
      assert.deepEqual(messages, [
        { kind: 'enrol', ...pod },
        { kind: 'enrol', ...pod, number: 2 },
        { kind: 'leave', number: 1, drainMillis: 5000 },
      ]);
    // One may take longer for a pod than for the next.
    for (const [port, number] of [
      [a, 2],
      [a, 1],
      [b, 1],
    ] as const)
      port.say({ kind: 'enrolled', number, problem: undefined });
    assert.equal(await first, undefined);
    b.say({ kind: 'enrolled', number: 2, problem: 'its port is taken' });
    assert.equal(await second, 'its port is taken');
    let isOver = false;
    void left.then(() => (isOver = true));
    a.say({ kind: 'left', number: 1 });
    await Promise.resolve();
    assert.equal(isOver, false);
    b.say({ kind: 'left', number: 1 });
    await left;
  });

  it('a delta is applied when both have it in force, and what either refused is named once', async () => {
    const { a, b, workers } = world();
    let applied = false;
    const applying = workers.apply('type', [{ name: 'one', version: '1', body }], ['gone']);
    void applying.then(() => (applied = true));
    const resources = [{ name: 'one', body }];
    for (const { messages } of [a, b])
      assert.deepEqual(messages, [{ kind: 'delta', type: 'type', resources, removed: ['gone'] }]);
    const [one, two] = [
      { name: 'one', reason: 'bad' },
      { name: 'two', reason: 'worse' },
    ];
    a.say({ kind: 'applied', type: 'type', rejected: [one] });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(applied, false);
    b.say({ kind: 'applied', type: 'type', rejected: [one, two] });
    assert.deepEqual(await applying, [one, two]);
  });

  it('is ready and drained when both are, and says each once', () => {
    const { a, b, heard } = world();
    for (const kind of ['listening', 'drained'] as const) {
      a.say({ kind });
      a.say({ kind });
      b.say({ kind });
      b.say({ kind });
    }
    assert.deepEqual(heard, ['listening', 'drained']);
  });

  it('a certificate is forgotten when neither needs it', () => {
    const { a, b, heard } = world();
    a.say({ kind: 'want-certificate', identity: 'x', urgent: false });
    b.say({ kind: 'want-certificate', identity: 'x', urgent: true });
    a.say({ kind: 'forget-certificate', identity: 'x' });
    a.say({ kind: 'forget-certificate', identity: 'x' });
    assert.deepEqual(heard, ['want x', 'want x urgently']);
    b.say({ kind: 'forget-certificate', identity: 'x' });
    assert.equal(heard.at(-1), 'forget x');
  });

  it('a port is captured when no worker lacks it any more', () => {
    const { a, b, heard } = world();
    const place = { address: '127.1.0.1', port: 80 };
    for (const worker of [a, b])
      worker.say({ kind: 'port-not-capturable', ...place, error: 'in use', code: 'EACCES' });
    a.say({ kind: 'port-captured', ...place });
    assert.equal(heard.includes('captured 127.1.0.1:80'), false);
    b.say({ kind: 'port-captured', ...place });
    assert.equal(heard.at(-1), 'captured 127.1.0.1:80');
  });

  it('has stuck slots while any worker has', () => {
    const { a, b, heard } = world();
    a.say({ kind: 'slots-stuck', stuck: true });
    b.say({ kind: 'slots-stuck', stuck: true });
    a.say({ kind: 'slots-stuck', stuck: false });
    b.say({ kind: 'slots-stuck', stuck: false });
    assert.deepEqual(heard, ['stuck true', 'stuck true', 'stuck true', 'stuck false']);
  });

  it('passes on problems of ports and deaths of either worker', () => {
    const { a, b, heard } = world();
    a.say({ kind: 'port-not-capturable', address: '127.1.0.1', port: 80, error: 'EACCES', code: 'EACCES' });
    a.say({ kind: 'port-captured', address: '127.1.0.1', port: 80 });
    b.die(new Error('out of memory'));
    assert.deepEqual(heard, ['problem 127.1.0.1:80 EACCES', 'captured 127.1.0.1:80', 'died out of memory']);
  });
});
