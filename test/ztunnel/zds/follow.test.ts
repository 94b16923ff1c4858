import { deepEqual, equal, match } from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zdsRequest } from '@isthmus/api/wire/zds.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { followNodeAgent } from '@isthmus/ztunnel/zds/follow.ts';
import { maxWaiting } from '@isthmus/ztunnel/zds/session.ts';
import { until } from '../../fakes/agent.ts';
import { aZdsPod, FakeNodeAgent, type ConnectedProxy } from '../../fakes/node-agent.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('ztunnel/zds', () => {
  let dir = '';
  let agent: FakeNodeAgent;
  let proxy: ConnectedProxy;
  let stop: AbortController;
  let ended: Promise<void>;
  /** What data workers did, and what they say of a pod's listeners. */
  let done: string[] = [];
  let snapshots = 0;
  let refusal: string | undefined;
  let gate: Promise<void> | undefined;
  let before = 0;
  const path = () => join(dir, 'zds');
  /** Stands for a namespace: another file is another namespace. */
  const opened = (name: string): number => {
    writeFileSync(join(dir, name), '');
    return openSync(join(dir, name), 'r');
  };

  beforeEach(async () => {
    [dir, done, snapshots, refusal, gate] = [
      mkdtempSync(join(tmpdir(), 'isthmus-zds-')),
      [],
      0,
      undefined,
      undefined,
    ];
    before = openDescriptors();
    agent = new FakeNodeAgent(path());
    stop = new AbortController();
    ended = followNodeAgent(
      {
        config: { cluster: 'east', zdsPath: path() },
        clock: systemClock,
        log: silentLog,
        async enrol({ number, uid }) {
          await gate;
          done.push(`enrol ${number} ${uid}`);
          return refusal;
        },
        leave(number, isAtOnce) {
          done.push(`leave ${number}${isAtOnce ? ' at once' : ''}`);
          return Promise.resolve();
        },
        onSnapshot: () => snapshots++,
      },
      stop.signal,
    );
    proxy = await agent.proxy();
  });
  afterEach(async () => {
    stop.abort();
    agent.close();
    proxy.close();
    await ended;
    rmSync(dir, { recursive: true });
  });

  /** Adds a pod whose namespace is `file`; the agent keeps no descriptor of it. */
  async function add(name: string, file = name, to = proxy): Promise<string | undefined> {
    const descriptor = opened(file);
    const answer = await to.ask({ kind: 'add', pod: aZdsPod(name) }, [descriptor]);
    closeSync(descriptor);
    return answer;
  }

  it('enrols what is added, by the name of its workload, and lets go what is deleted', async () => {
    equal(await add('one'), undefined);
    equal(await proxy.ask({ kind: 'snapshot-sent' }), undefined);
    equal(await proxy.ask({ kind: 'del', uid: 'uid-of-one' }), undefined);
    equal(await proxy.ask({ kind: 'del', uid: 'uid-of-one' }), undefined);
    deepEqual(done, ['enrol 1 east//Pod/shop/one', 'leave 1']);
    equal(snapshots, 1);
  });

  it('leaves a pod as it is that is added again in its namespace, and takes one over that has another', async () => {
    equal(await add('one', 'first'), undefined);
    const kept = openDescriptors();
    equal(await add('one', 'first'), undefined);
    deepEqual([done.length, openDescriptors()], [1, kept]);
    equal(await add('one', 'second'), undefined);
    deepEqual(done.slice(1), ['enrol 2 east//Pod/shop/one', 'leave 1']);
    await until(() => openDescriptors() === kept);
  });

  it('keeps the pods of a node agent that starts again, and lets those go that it does not name', async () => {
    for (const name of ['one', 'two', 'three']) await add(name);
    await proxy.ask({ kind: 'snapshot-sent' });
    proxy.close();
    const next = await agent.proxy();
    deepEqual(
      done.filter((one) => one.startsWith('leave')),
      [],
    );
    equal(await next.ask({ kind: 'keep', uid: 'uid-of-one' }), undefined);
    match((await next.ask({ kind: 'keep', uid: 'uid-of-none' })) ?? '', /uid-of-none is not enrolled here/);
    equal(await add('two', 'two', next), undefined);
    equal(await next.ask({ kind: 'snapshot-sent' }), undefined);
    deepEqual(
      done.filter((one) => one.startsWith('leave')),
      ['leave 3'],
    );
    match((await next.ask({ kind: 'keep', uid: 'uid-of-one' })) ?? '', /before the snapshot/);
    match((await next.ask({ kind: 'snapshot-sent' })) ?? '', /once on a connection/);
    next.close();
  });

  it('says why a pod is not captured, and holds nothing of it', async () => {
    const kept = openDescriptors();
    refusal = 'setns failed with EPERM';
    equal(await add('one'), 'shop/one: setns failed with EPERM');
    deepEqual(done, ['enrol 1 east//Pod/shop/one', 'leave 1 at once']);
    await until(() => openDescriptors() === kept);
    refusal = undefined;
    equal(await add('one'), undefined);
  });

  it('goes on capturing a pod in its namespace where a new one of it is refused', async () => {
    await add('one', 'first');
    refusal = 'setns failed with EINVAL';
    match((await add('one', 'second')) ?? '', /EINVAL/);
    refusal = undefined;
    equal(await add('one', 'first'), undefined);
    deepEqual(done.slice(1), ['enrol 2 east//Pod/shop/one', 'leave 2 at once']);
  });

  it('refuses an added pod without a descriptor, or with several, and closes those', async () => {
    const kept = openDescriptors();
    const pod = aZdsPod('one');
    match((await proxy.ask({ kind: 'add', pod })) ?? '', /comes with one descriptor.*not with 0/);
    match((await proxy.ask({ kind: 'add', pod }, [0, 0])) ?? '', /not with 2/);
    equal(await proxy.ask({ kind: 'del', uid: 'x' }, [0]), undefined);
    deepEqual([done, openDescriptors()], [[], kept]);
  });

  it('answers what it cannot read with why, and goes on', async () => {
    const kept = openDescriptors();
    const whole = zdsRequest.encode({ kind: 'add', pod: aZdsPod('one') });
    for (let end = 1; end < whole.length; end++)
      match((await proxy.askBytes(whole.subarray(0, end), [0])) ?? '', /./, `${end} bytes`);
    match((await proxy.askBytes(Buffer.alloc(1025), [0])) ?? '', /more than 1024 bytes/);
    equal(openDescriptors(), kept);
    equal(await add('one'), undefined);
  });

  for (const [waiting, isOver] of [
    [maxWaiting, false],
    [maxWaiting + 1, true],
  ] as const)
    it(`${isOver ? 'ends' : 'keeps'} a connection on which ${waiting} requests wait beside the one that is done`, async () => {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      const descriptor = opened('slow');
      proxy.send(zdsRequest.encode({ kind: 'add', pod: aZdsPod('slow') }), [descriptor]);
      closeSync(descriptor);
      await until(() => openDescriptors() > before + 2);
      for (let one = 0; one < waiting; one++) proxy.send(zdsRequest.encode({ kind: 'del', uid: 'x' }), [0]);
      if (isOver) await proxy.closed();
      held.resolve();
      if (isOver) (await agent.proxy()).close();
      else for (let one = 0; one <= waiting; one++) equal(await proxy.answer(), undefined);
    });
});
