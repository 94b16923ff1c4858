import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { holds, settled } from '../../fakes/turns.ts';
import { port, shopIn } from './shop.ts';

/** More than a socket reads before anybody asks for it. */
const upload = Buffer.alloc(256 * 1024);

const nothingHeld = (proxy: TestProxy) => holds(() => proxy.report().totals.slots === 0);

/** Listens and never accepts: once its queue is full, its kernel answers nobody. */
const listensOnly = `
  const { parentPort, workerData } = require('node:worker_threads');
  require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage('listening');
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

describe('ztunnel, a client that resets before its destination has answered', () => {
  let mesh: ProxyMesh;
  let dialled: Promise<Socket>;
  /** What is dialled there is accepted, and never answered. */
  const silent = async (address: string) => {
    const listening = Promise.withResolvers<Socket>();
    dialled = listening.promise;
    await mesh.serve(address, 15_008, (socket) => listening.resolve(socket));
  };
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  it('gives back its slot at the source while the destination is still being asked', async () => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.9', { ...shop.serving(shop.cart, '18.9'), node: 'node-2' });
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [shop.pod('east', 'front', '17.1'), cart] },
    );
    await silent(mesh.at('17.9'));
    const { socket } = await mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
    const asked = await dialled;
    await new Promise((resolve) => socket.write(upload, resolve));
    socket.resetAndDestroy();
    await nothingHeld(proxy);
    assert.ok(!asked.destroyed && !asked.readableEnded, 'the dial has ended, which gave the slot back');
    const { error } = await proxy.line({ direction: 'outbound' });
    assert.match(String(error), /client has gone/);
  });

  it('gives back its slot at the destination while the application is still being dialled', async () => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.9', shop.serving(shop.cart, '18.9'));
    const proxy = await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [cart] });
    const application = { host: mesh.at('18.9'), port };
    const worker = new Worker(listensOnly, { eval: true, workerData: application });
    await once(worker, 'message');
    const queue = Array.from({ length: 4 }, () => connect(application).on('error', () => undefined));
    try {
      await settled();
      assert.ok(
        queue.some(({ connecting }) => connecting),
        'the queue is not full',
      );
      const { socket } = await mesh.call(mesh.at('17.1'), mesh.at('17.9'), port);
      await new Promise((resolve) => socket.write(upload, resolve));
      await holds(() => proxy.report().totals.slots > 0);
      socket.resetAndDestroy();
      await nothingHeld(proxy);
      const { error } = await proxy.line({ direction: 'inbound' });
      assert.match(String(error), /the dial was cancelled/);
    } finally {
      for (const one of queue) one.destroy();
      await worker.terminate();
    }
  });
});
