import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { EngineDeps } from '@isthmus/ztunnel/engine/engine.ts';
import { FakeClock } from '../../fakes/clock.ts';
import type { ask } from '../../fakes/foreign-client.ts';
import { foreignSession } from '../../fakes/foreign-client.ts';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import { ProxyMesh, type Call, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { hostname, identityOf, port, shopIn } from './shop.ts';

/** The beginning of a client hello, and what is not a hello. */
export const partOfHello = inRecords(helloMessage({ alpn: ['istio'] })).subarray(0, 20);
export const garbage = 'GET / HTTP/1.1\r\n\r\n';

export const status = async (stream: ReturnType<typeof ask>): Promise<unknown> =>
  ((await once(stream, 'response')) as [Record<string, unknown>])[0][':status'];

export const ended = (calls: readonly Call[]): number => calls.filter((one) => one.ended).length;
export const totals = (proxy: TestProxy) => proxy.report().totals;

/** Proxies on which peers knock that are not known yet: a mesh for each test. */
export function knocking() {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** A cart that echoes, behind its proxy. */
  async function destination(
    deps: Partial<EngineDeps> = {},
    over: Partial<Workload> = {},
    serve: (socket: Socket) => void = (socket) => void socket.pipe(socket),
  ) {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), ...over });
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [cart] },
      { clock: new FakeClock(Date.now()), ...deps },
    );
    await mesh.serve(mesh.at('18.2'), port, serve);
    return {
      proxy,
      open: (from: string) =>
        foreignSession(mesh.leaf('east', identityOf('front')), mesh.at('17.2'), mesh.at(from)),
      authority: `${mesh.at('17.2')}:${port}`,
    };
  }

  /** West's gateway, before a cart that is called without a handshake of the gateway's. */
  async function eastWest(deps: Partial<EngineDeps> = {}) {
    const shop = shopIn(mesh);
    const cart = shop.pod('west', 'cart', '33.1', { ...shop.serving(shop.granted, '34.1'), ...shop.classic });
    const config = {
      mode: 'gateway',
      cluster: 'west',
      address: mesh.at('33.250'),
      podName: 'eastwest-gateway',
      serviceAccount: 'eastwest-gateway',
    } as const;
    const proxy = await mesh.proxy(
      config,
      { services: [shop.granted], workloads: [cart] },
      { clock: new FakeClock(Date.now()), ...deps },
    );
    await mesh.serve(mesh.at('33.1'), port, (socket) => void socket.pipe(socket));
    const hello = inRecords(helloMessage({ sni: `outbound_.${port}_._.${hostname}`, alpn: ['istio'] }));
    const call = async (from: string) => {
      const calling = await mesh.call(mesh.at(from), mesh.at('33.250'), 15443);
      return calling.echo(hello.toString('latin1'));
    };
    return { proxy, hello, call };
  }

  /** Connections that say nothing, fewer at once than a listener's queue holds. */
  async function knock(count: number, to: string, at = 15008, from = '99.1'): Promise<readonly Call[]> {
    const calls: Call[] = [];
    while (calls.length < count) {
      const some = Array.from({ length: Math.min(100, count - calls.length) }, () =>
        mesh.call(mesh.at(from), mesh.at(to), at),
      );
      calls.push(...(await Promise.all(some)));
    }
    return calls;
  }

  /** These many handshakes have begun, and have not ended otherwise than by giving way or by their time. */
  async function begun(proxy: TestProxy, count: number): Promise<void> {
    const seen = () => {
      const { handshakes, handshakesEvicted, handshakesTimedOut } = totals(proxy);
      return handshakes + handshakesEvicted + handshakesTimedOut;
    };
    while (seen() !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The proxy has accepted these many connections that have not ended. */
  async function accepted(proxy: TestProxy, count: number): Promise<void> {
    while (totals(proxy).destinationSockets !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The proxy has refused these many connections before their handshake. */
  async function refusedBefore(proxy: TestProxy, count: number): Promise<void> {
    while (totals(proxy).handshakesRefused !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    get mesh() {
      return mesh;
    },
    destination,
    eastWest,
    knock,
    begun,
    accepted,
    refusedBefore,
  };
}
