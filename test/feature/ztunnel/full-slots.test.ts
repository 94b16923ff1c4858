import assert from 'node:assert/strict';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startProxy } from '@isthmus/ztunnel/app.ts';
import { Loopback } from '@isthmus/ztunnel/capture/loopback/loopback.ts';
import { Engine } from '@isthmus/ztunnel/engine/engine.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import type { FromWorker, ToWorker } from '@isthmus/ztunnel/messages.ts';
import type { WorkerPort } from '@isthmus/ztunnel/worker/host.ts';
import { until } from '../../fakes/agent.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { plainConfig, ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { byName, emptySnapshot, XdsWorld } from '../../fakes/xds-world.ts';
import { port, shopIn } from './shop.ts';

const maxAtOnce = 2;

/** A data worker whose engine is in this thread: it has few slots, and a clock that a test advances. */
class OwnThread implements WorkerPort {
  readonly #engine: Engine;
  #heard: (message: FromWorker) => void = () => undefined;

  constructor(config: ProxyConfig, clock: FakeClock) {
    this.#engine = new Engine({
      config,
      capture: (deps) => new Loopback(deps),
      clock,
      random: systemRandom,
      log: silentLog,
      say: (message) => this.#heard(message),
      access: undefined,
      tap: undefined,
      maxAtOnce,
    });
  }

  postMessage(message: ToWorker): void {
    this.#engine.hear(message);
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#heard = listener;
  }

  onDied(): void {
    // It is in this thread.
  }
}

describe('ztunnel, a proxy all of whose slots are taken', () => {
  let mesh: ProxyMesh;
  let plane: XdsWorld;
  let end = () => Promise.resolve();
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    plane = await XdsWorld.start();
  });
  afterEach(async () => {
    await end();
    await plane.stop();
    await mesh.stop();
  });

  /** A whole proxy with a control plane, one pod that calls, and a cart without a proxy. */
  async function proxy() {
    const clock = new FakeClock(Date.now());
    const logged: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => void logged.push(message) };
    const shop = shopIn(mesh);
    const front = shop.pod('east', 'front', '17.1');
    const cart = shop.pod('east', 'cart', '18.2', { ...shop.serving(shop.cart, ''), transport: 'plaintext' });
    plane.publish({ ...emptySnapshot, workloads: byName(front, cart), services: byName(shop.cart) });
    await mesh.serve(mesh.at('18.2'), port, (socket) => void socket.pipe(socket));
    const config: ProxyConfig = {
      ...plainConfig,
      cluster: 'east',
      network: 'network-east',
      xdsAddress: `127.0.0.1:${plane.port}`,
      xdsRootCa: plane.path('root.pem'),
      tokenFile: plane.path('token'),
      adminAddress: mesh.at('17.9'),
      metricsAddress: mesh.at('17.9'),
    };
    const running = startProxy({
      config,
      clock: systemClock,
      random: systemRandom,
      log,
      threads: [new OwnThread(config, clock)],
      die: () => assert.fail('a worker died'),
    });
    end = async () => {
      const drained = running.drain();
      await clock.advance(config.drainMillis);
      await drained;
    };
    const ready = async () => {
      const headers = { connection: 'close' };
      const response = await fetch(`http://${mesh.at('17.9')}:15021/healthz/ready`, { headers });
      return `${response.status} ${(await response.text()).trim()}`;
    };
    await until(async () => (await ready().catch(() => '')) === '200 ready');
    const call = async () => {
      const one = await mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
      await one.echo('hello');
      return one;
    };
    return { clock, ready, call, logged };
  }

  it('is not ready once all have been taken for 30 s, says why, and is ready again when one is released', async () => {
    const { clock, ready, call, logged } = await proxy();
    const calls = [await call(), await call()];
    await clock.advance(29_999);
    assert.equal(await ready(), '200 ready');
    await clock.advance(1);
    assert.equal(await ready(), '500 not ready, pending: slots');
    assert.deepEqual(logged, [
      'all slots have been taken for 30 s and none was released: nothing new is served',
    ]);
    calls[0]?.socket.end();
    await calls[0]?.end();
    await until(async () => (await ready()) === '200 ready');
    await clock.advance(60_000);
    assert.equal(await ready(), '200 ready');
    await (await call()).echo('again');
  });

  it('stays ready while one is released now and then', async () => {
    const { clock, ready, call } = await proxy();
    await call();
    for (let round = 0; round < 3; round++) {
      const one = await call();
      await clock.advance(29_999);
      one.socket.end();
      await one.end();
      assert.equal(await ready(), '200 ready');
    }
  });
});
