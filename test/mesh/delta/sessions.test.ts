import assert from 'node:assert/strict';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { DeltaWorld, policyType, workloadType } from './delta-world.ts';

describe('delta sessions', () => {
  it('answers the first request of every type, even with nothing', () => {
    const world = new DeltaWorld();
    world.settle();
    assert.deepEqual(
      world.sent.map(({ type, resources, complete }) => [type, resources.length, complete]),
      [
        [policyType, 0, true],
        [workloadType, 0, true],
      ],
    );
    assert.ok(world.client.allReady);
  });

  it('sends policies before workloads though the consumer asks the other way round', () => {
    const world = new DeltaWorld();
    world.set(policyType, 'p', '1');
    world.set(workloadType, 'w', '1|p');
    world.deliverToServer();
    assert.equal(world.pull(), undefined, 'workloads wait until policies were asked for');
    world.settle();
    assert.deepEqual(
      world.sent.map(({ type }) => type),
      [policyType, workloadType],
    );
  });

  it('takes away in the opposite order', () => {
    const world = new DeltaWorld();
    world.set(policyType, 'p', '1');
    world.set(workloadType, 'w', '1|p');
    world.settle();
    world.sent = [];
    world.set(policyType, 'p', undefined);
    world.set(workloadType, 'w', undefined);
    world.settle();
    assert.deepEqual(
      world.sent.map(({ type, removed }) => [type, removed]),
      [
        [workloadType, ['w']],
        [policyType, ['p']],
      ],
    );
  });

  it('with more types, removals of the last come first and of the first come last', () => {
    let names = ['x'];
    const types = ['a', 'b', 'c'];
    const systemVersion = { epoch: 1n, revision: 1n };
    const lookup = () => ({
      resources: new Map(names.map((name) => [name, { version: '1', body: new Uint8Array() }])),
      systemVersion,
      complete: true,
    });
    const server = new ServerSession({ types, lookup });
    const client = new ClientSession(types);
    for (const request of client.open()) server.request(request);
    const order: string[] = [];
    const settle = () => {
      for (let response = server.next(); response; response = server.next()) {
        order.push(`${response.resources.length > 0 ? '+' : '-'}${response.type}`);
        server.request(client.response(response, () => []));
      }
    };
    settle();
    names = [];
    for (const type of types) server.changed(type);
    settle();
    assert.deepEqual(order, ['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  it('answers a reconnect with nothing changed by one empty, complete response per type', () => {
    const world = new DeltaWorld();
    for (let i = 0; i < 1000; i++) world.set(workloadType, `w${i}`, `${i}`);
    world.settle();
    world.sent = [];
    world.connect();
    world.settle();
    assert.deepEqual(
      world.sent.map(({ resources, removed, complete }) => [resources.length, removed.length, complete]),
      [
        [0, 0, true],
        [0, 0, true],
      ],
    );
  });

  it('removes what the consumer retained and the producer no longer has', () => {
    const world = new DeltaWorld();
    world.set(workloadType, 'gone', '1');
    world.settle();
    world.state.get(workloadType)!.delete('gone');
    world.connect();
    world.settle();
    assert.equal(world.held.get(workloadType)!.size, 0);
  });

  it('a slow reader gets the latest state once, not every step to it', () => {
    const world = new DeltaWorld();
    world.settle();
    world.sent = [];
    for (let version = 0; version < 100; version++) world.set(workloadType, 'w', `${version}`);
    world.settle();
    assert.deepEqual(
      world.sent.flatMap(({ resources }) => resources.map(({ version }) => version)),
      ['99'],
    );
  });

  it('ignores a stale nonce', () => {
    const world = new DeltaWorld();
    world.settle();
    const ack = {
      type: workloadType,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: 'old',
      error: '',
    };
    assert.deepEqual(world.server.request(ack), { ok: true, value: 'stale' });
    assert.equal(world.pull(), undefined);
  });

  it('refuses a subscription to names, and does not know a strange type', () => {
    const { server } = new DeltaWorld();
    const request = {
      type: 'x',
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      error: '',
    };
    assert.deepEqual(server.request(request), { ok: true, value: 'unknown-type' });
    const named = server.request({ ...request, type: workloadType, subscribe: ['w1'] });
    assert.match(named.ok ? '' : named.error, /only the subscription to everything/);
    const onDemand = server.request({ ...request, type: workloadType, subscribe: ['*'], unsubscribe: ['*'] });
    assert.equal(onDemand.ok, false);
  });

  it('records what was refused, keeps the rest, and sends the refused version only once', () => {
    const world = new DeltaWorld();
    world.bad.add('bad');
    world.set(workloadType, 'a', '1');
    world.set(workloadType, 'b', '1');
    world.settle();
    world.set(workloadType, 'a', 'bad');
    world.set(workloadType, 'b', '2');
    world.settle();
    assert.deepEqual(Object.fromEntries(world.held.get(workloadType)!), { a: '1', b: '2' });
    assert.deepEqual(world.server.acknowledged(workloadType, 'a'), {
      version: 'bad',
      reason: 'version bad is bad, truly',
    });
    assert.equal(world.server.acknowledged(workloadType, 'b'), '2');
    world.sent = [];
    world.server.changed(workloadType);
    world.settle();
    assert.deepEqual(world.sent, []);
    world.set(workloadType, 'a', '3');
    world.settle();
    assert.equal(world.server.acknowledged(workloadType, 'a'), '3');
  });

  it('offers what was refused once more when it is asked to, and only then', () => {
    const world = new DeltaWorld();
    world.bad.add('1');
    world.set(workloadType, 'a', '1');
    world.settle();
    world.bad.clear();
    world.server.changed(workloadType);
    world.settle();
    assert.equal(world.held.get(workloadType)!.get('a'), undefined);
    assert.equal(world.server.retryRejected(), true);
    world.settle();
    assert.equal(world.held.get(workloadType)!.get('a'), '1');
    assert.equal(world.server.retryRejected(), false);
  });

  it('is not ready while the first answer was refused in part', () => {
    const world = new DeltaWorld();
    world.bad.add('bad');
    world.set(workloadType, 'a', 'bad');
    world.settle();
    assert.ok(!world.client.ready(workloadType));
    world.set(workloadType, 'a', 'good');
    world.settle();
    assert.ok(world.client.ready(workloadType));
  });

  it('splits what is large, and is complete with the last part', () => {
    const world = new DeltaWorld({ maxBytes: 100 });
    for (let i = 0; i < 10; i++) world.set(workloadType, `w${i}`, `${i}`.repeat(20));
    world.settle();
    const parts = world.sent.filter(({ type }) => type === workloadType);
    assert.ok(parts.length > 1);
    assert.deepEqual(
      parts.map(({ complete }) => complete),
      parts.map((_, i) => i === parts.length - 1),
    );
    assert.equal(world.held.get(workloadType)!.size, 10);
  });

  it('leaves out what is larger than any message, and says so', () => {
    const world = new DeltaWorld({ maxBytes: 100 });
    world.set(workloadType, 'huge', 'x'.repeat(101));
    world.set(workloadType, 'small', 'y');
    world.settle();
    assert.deepEqual([...world.held.get(workloadType)!.keys()], ['small']);
    const refused = world.server.acknowledged(workloadType, 'huge');
    assert.match(typeof refused === 'object' ? refused.reason : '', /101 bytes/);
  });

  it('says nothing while the producer has not finished listing', () => {
    const world = new DeltaWorld();
    world.complete = false;
    world.settle();
    assert.deepEqual(world.sent, []);
    world.complete = true;
    world.settle();
    assert.equal(world.sent.length, 2);
  });

  it('holds a name that the consumer has, and lets others through', () => {
    const held = new Set(['w']);
    const world = new DeltaWorld({ hold: (_, name) => held.has(name) });
    world.set(workloadType, 'w', '1');
    world.settle();
    assert.equal(world.held.get(workloadType)!.get('w'), '1', 'what is not there yet is not held');
    world.set(workloadType, 'w', undefined);
    world.set(workloadType, 'v', '1');
    world.settle();
    assert.deepEqual([...world.held.get(workloadType)!.keys()], ['w', 'v']);
    held.clear();
    world.server.changed(workloadType);
    world.settle();
    assert.deepEqual([...world.held.get(workloadType)!.keys()], ['v']);
  });

  it('offers a refused version again when another one was accepted in between', () => {
    const world = new DeltaWorld();
    world.bad.add('bad');
    world.settle();
    world.set(workloadType, 'w', 'bad');
    world.settle();
    world.set(workloadType, 'w', 'good');
    world.pull();
    world.set(workloadType, 'w', 'bad');
    world.pull();
    world.settle();
    assert.equal(world.held.get(workloadType)!.get('w'), 'good');
    const said = world.server.acknowledged(workloadType, 'w');
    assert.equal(typeof said === 'object' && said.version, 'bad');
  });

  it('the producer sends nothing of an older epoch, and the consumer refuses it', () => {
    const world = new DeltaWorld();
    world.epoch = 5n;
    world.settle();
    world.epoch = 4n;
    world.set(workloadType, 'w', '1');
    world.settle();
    assert.equal(world.held.get(workloadType)!.size, 0);
    world.connect();
    world.settle();
    assert.equal(world.held.get(workloadType)!.size, 0);
    assert.equal(world.client.epoch, 5n);
  });

  it('acknowledges a type that was not asked for, and drops it', () => {
    const client = new ClientSession(['a']);
    const systemVersion = { epoch: 1n, revision: 1n };
    const answer = client.response(
      { type: 'b', nonce: '7', systemVersion, resources: [], removed: [], complete: true },
      () => assert.fail('not to be applied'),
    );
    assert.deepEqual([answer.nonce, answer.error], ['7', '']);
  });

  it('a reconnect of a version that is retained from elsewhere sends nothing again', () => {
    const client = new ClientSession(['a'], new Map([['a', new Map([['x', '1']])]]));
    const resources = new Map([['x', { version: '1', body: () => assert.fail('encoded without need') }]]);
    const systemVersion = { epoch: 1n, revision: 1n };
    const server = new ServerSession({
      types: ['a'],
      lookup: () => ({ resources, systemVersion, complete: true }),
    });
    for (const request of client.open()) server.request(request);
    assert.deepEqual(server.next()?.resources, []);
  });
});
