import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zdsHello } from '@isthmus/api/wire/zds.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { answerMillis, maxConnections, ZdsServer } from '@isthmus/node-agent/zds/server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { holds, settled } from '../../fakes/turns.ts';
import { ZdsProxy } from '../../fakes/zds-proxy.ts';

const pod = (uid: string, identity = 'a') => ({
  uid,
  name: uid,
  namespace: 'shop',
  serviceAccount: 'cart',
  identity,
});

describe('the ZDS server', () => {
  let folder: string;
  let clock: FakeClock;
  let server: ZdsServer;
  let heard: string[];
  const proxies = new Set<ZdsProxy>();
  const path = () => join(folder, 'ztunnel.sock');
  const proxy = (options = {}) => {
    const one = new ZdsProxy(path(), options);
    proxies.add(one);
    return one;
  };
  /** Any descriptor serves: nothing enters it here. */
  const list = (uid: string, identity?: string) =>
    server.list(pod(uid, identity), openSync('/proc/self/ns/net', 'r'));
  const openNamespaces = () => readdirSync('/proc/self/fd').length;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-zds-'));
    clock = new FakeClock();
    heard = [];
    server = new ZdsServer({ clock, log: silentLog, onListening: (uid) => heard.push(uid) });
    server.listen(path());
  });
  afterEach(() => {
    for (const one of proxies) one.close();
    proxies.clear();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('gives each pod with one descriptor, then SnapshotSent, and what comes later', async () => {
    list('one');
    const first = proxy();
    await holds(() => server.listening('one').is === 'YES');
    await holds(() => first.asked.includes('snapshot'));
    list('two');
    await holds(() => server.listening('two').is === 'YES');
    await server.unlist('one');
    deepEqual(first.asked, ['add one', 'snapshot', 'add two', 'del one']);
    deepEqual(first.descriptors, [1, 0, 1, 0]);
    equal(server.listening('one').is, 'WAITING');
    equal(heard.includes('two'), true);
  });

  it('waits for all proxies that are connected, and passes on the words of one that refuses', async () => {
    const [first, second] = [proxy(), proxy()];
    second.answer = ({ kind }) => ({ problem: kind === 'add' ? 'setns: EINVAL' : undefined });
    await holds(() => server.proxies === 2);
    list('one');
    await holds(() => server.listening('one').is === 'REFUSED');
    deepEqual(server.listening('one'), { is: 'REFUSED', problem: 'setns: EINVAL' });
    second.close();
    await holds(() => server.listening('one').is === 'YES');
    equal(first.asked.filter((asked) => asked === 'add one').length, 1);
  });

  it('asks again a proxy that had refused, when the pod is listed again', async () => {
    const one = proxy();
    one.answer = ({ kind }) => ({
      problem: kind === 'add' && one.requests.length < 3 ? 'not yet' : undefined,
    });
    await holds(() => one.asked.includes('snapshot'));
    list('one');
    await holds(() => server.listening('one').is === 'REFUSED');
    const namespace = server.namespace('one') ?? -1;
    server.list(pod('one'), namespace);
    await holds(() => server.listening('one').is === 'YES');
    equal(server.namespace('one'), namespace);
  });

  it('does not wait for a proxy that has gone', async () => {
    const one = proxy();
    list('one');
    await holds(() => one.asked.includes('snapshot'));
    await settled();
    one.answer = () => undefined;
    const left = server.unlist('one');
    await holds(() => one.asked.includes('del one'));
    one.close();
    await left;
    equal(server.proxies, 0);
  });

  it('ends a proxy that says no hello, or does not answer, in time', async () => {
    const silent = proxy({ saysHello: false });
    const mute = proxy();
    mute.answer = () => undefined;
    await holds(() => server.proxies === 1 && mute.asked.length === 1);
    await clock.advance(answerMillis - 1);
    equal(server.proxies, 1);
    await clock.advance(1);
    await holds(() => silent.isClosed && mute.isClosed);
    equal(server.proxies, 0);
  });

  const bad: Readonly<Record<string, Uint8Array>> = {
    garbage: Buffer.alloc(100, 0xff),
    'half a message': zdsHello.encode({}).subarray(0, 1),
    'more than a packet may have': Buffer.alloc(2000, 1),
  };
  for (const [what, bytes] of Object.entries(bad))
    it(`ends a proxy that sends ${what}, and goes on with the other`, async () => {
      list('one');
      const good = proxy();
      const other = proxy({ saysHello: false });
      other.send(bytes);
      await holds(() => other.isClosed && server.listening('one').is === 'YES');
      list('two');
      await holds(() => good.asked.includes('add two'));
    });

  it('takes as many connections as the limit, of which one without a hello gives way', async () => {
    const silent = proxy({ saysHello: false });
    for (let i = 1; i < maxConnections; i++) proxy();
    await holds(() => server.proxies === maxConnections - 1);
    equal(silent.isClosed, false);
    proxy();
    await holds(() => silent.isClosed && server.proxies === maxConnections);
    const tooMany = proxy();
    await holds(() => tooMany.isClosed);
    equal(server.proxies, maxConnections);
  });

  it('holds no namespace of a pod that was let go', async () => {
    proxy();
    await holds(() => server.proxies === 1);
    const before = openNamespaces();
    for (let i = 0; i < 50; i++) list(`pod-${i}`);
    await holds(() => server.listening('pod-49').is === 'YES');
    await Promise.all(Array.from({ length: 50 }, (_, i) => server.unlist(`pod-${i}`)));
    equal(openNamespaces(), before);
  });

  it('ends nothing where a pod comes back while proxies let go of it', async () => {
    const one = proxy();
    list('one', 'a');
    await holds(() => server.listening('one').is === 'YES');
    const left = server.unlist('one');
    list('one', 'b');
    await left;
    await holds(() => server.listening('one').is === 'YES');
    deepEqual(one.asked.filter((asked) => asked.endsWith('one')).slice(-2), ['del one', 'add one']);
  });
});
