import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { encodeWorkload } from '@isthmus/api/wire/workload.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { Engine } from '@isthmus/ztunnel/engine/engine.ts';
import { FakeCapture } from '../../fakes/capture.ts';
import { aWorkload } from '../../fakes/records.ts';
import { Signal } from '../../fakes/xds-world.ts';

const config = {
  mode: 'shared',
  node: 'n1',
  cluster: 'east',
  network: 'n',
  namespace: 'istio-system',
  podName: 'ztunnel',
  accessLog: '-',
  workers: 1,
  resolvers: { nameservers: [], search: [] },
} as Partial<ProxyConfig> as ProxyConfig;

/** Two pods of the node at one address, as the capture of pods may have them; and one that both may call. */
const twins = ['a', 'b'].map((name) =>
  aWorkload({ uid: `east//Pod/shop/${name}`, name, node: 'n1', network: 'n', addresses: ['10.0.0.1'] }),
);
const server = aWorkload({
  uid: 'east//Pod/shop/server',
  name: 'server',
  node: 'n1',
  network: 'n',
  addresses: ['10.0.0.2', '10.0.0.3'],
});
const plain = aWorkload({
  uid: 'east//Pod/shop/plain',
  name: 'plain',
  node: 'n2',
  network: 'n',
  transport: 'plaintext',
  addresses: ['10.0.0.4'],
});

describe('ztunnel/engine, what any capture brings', () => {
  const sockets: Socket[] = [];
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  before(async () => {
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  after(() => listener.close());

  /** Both ends of a connection. */
  async function pair(): Promise<readonly [Socket, Socket]> {
    const { port } = listener.address() as AddressInfo;
    const near = connect({ host: '127.0.0.1', port });
    const [far] = (await once(listener, 'connection')) as [Socket];
    sockets.push(
      near.on('error', () => undefined),
      far,
    );
    return [near, far];
  }

  function engineOf(...workloads: readonly Workload[]) {
    const signal = new Signal();
    const lines: string[] = [];
    let capture: FakeCapture | undefined;
    const engine = new Engine({
      config,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      tap: undefined,
      say: () => undefined,
      access(line) {
        lines.push(line);
        signal.ring();
        return true;
      },
      capture: (deps) =>
        (capture = new FakeCapture(deps, async () => {
          signal.ring();
          return (await pair())[1];
        })),
    });
    const put = (...all: readonly Workload[]) => {
      const resources = all.map((one) => ({ name: one.uid, version: '', body: encodeWorkload(one) }));
      engine.hear({ kind: 'delta', type: typeUrls.address, resources, removed: [] });
    };
    put(...workloads);
    engine.hear({ kind: 'synced' });
    if (!capture) throw new Error('no capture was made');
    return { capture, lines, put, signal };
  }

  it('a caller that is known by its uid calls as itself, though another has its address', async () => {
    const { capture, signal } = engineOf(...twins, plain);
    for (const { uid } of twins) {
      const [, socket] = await pair();
      const from = { address: '10.0.0.1', port: 4000 };
      const original = { kind: 'address', address: '10.0.0.4', port: 80 } as const;
      capture.arrive({ role: 'outbound', socket, from, caller: { kind: 'uid', uid }, original });
    }
    await signal.until(() => capture.dials.length === 2);
    assert.deepEqual(
      capture.dials.map(({ address, port, from }) => [address, port, from]),
      twins.map(({ uid }) => ['10.0.0.4', 80, { kind: 'pod', pod: { kind: 'uid', uid } }]),
    );
  });

  it('a caller whose pod is not known yet is served once it is', async () => {
    const { capture, put, signal } = engineOf(plain);
    const [, socket] = await pair();
    const [{ uid } = plain] = twins;
    const from = { address: '10.0.0.1', port: 4000 };
    const original = { kind: 'address', address: '10.0.0.4', port: 80 } as const;
    capture.arrive({ role: 'outbound', socket, from, caller: { kind: 'uid', uid }, original });
    assert.equal(capture.dials.length, 0);
    put(...twins);
    await signal.until(() => capture.dials.length === 1);
  });

  it('the address of a pod that was called is the one that is delivered to, judged and logged', async () => {
    const { capture, lines, signal } = engineOf(server);
    const [client, socket] = await pair();
    capture.arrive({
      role: 'inbound',
      socket,
      from: { address: '10.9.9.9', port: 4000 },
      pod: { kind: 'uid', uid: server.uid },
      original: { address: '10.0.0.3', port: 8080 },
    });
    await signal.until(() => capture.dials.length === 1);
    const [{ address, port, from } = {}] = capture.dials;
    const delivery = { kind: 'delivery', pod: { kind: 'uid', uid: server.uid }, caller: '10.9.9.9' };
    assert.deepEqual([address, port, from], ['10.0.0.3', 8080, delivery]);
    client.destroy();
    await signal.until(() => lines.length === 1);
    assert.match(lines[0] ?? '', /src\.addr=10\.9\.9\.9:4000\t?.* dst\.addr=10\.0\.0\.3:8080 /);
  });

  it('does not deliver to an address that is not one of the pod', async () => {
    const { capture, lines, signal } = engineOf(server);
    const [, socket] = await pair();
    capture.arrive({
      role: 'inbound',
      socket,
      from: { address: '10.9.9.9', port: 4000 },
      pod: { kind: 'uid', uid: server.uid },
      original: { address: '10.0.0.9', port: 8080 },
    });
    await signal.until(() => lines.length === 1);
    assert.match(
      lines[0] ?? '',
      /NOT_ITS_ADDRESS: 10\.0\.0\.9 is not an address of east\/\/Pod\/shop\/server/,
    );
    assert.equal(capture.dials.length, 0);
  });

  it('follows each delta of addresses', () => {
    const { capture, put } = engineOf(server);
    put({ ...server, strict: true });
    assert.deepEqual(
      capture.followed.map(({ workloads }) => [...workloads]),
      [[server.uid]],
    );
  });
});
