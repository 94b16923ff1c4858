import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { standsStill, turn } from '../../fakes/turns.ts';
import { port, shopIn, twoNetworks } from './shop.ts';

/** How a connection ended for its holder: the error's code, or that its input ended. */
const endOf = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('end', () => resolve('end')).resume();
  });

/** Sends without end, as fast as it is taken. */
function pour(socket: Socket): void {
  const chunk = Buffer.alloc(64 * 1024);
  const write = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', write);
  write();
}

/** The error of a connection that is not read. Node does not look for one then; an empty write does. */
async function errorUnread(socket: Socket): Promise<string> {
  let code = '';
  socket.once('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
  while (code === '') {
    socket.write('');
    await turn();
  }
  return code;
}

interface World {
  /** Connects a client, and gives both ends of its connection. */
  readonly connect: () => Promise<{ client: Socket; application: Socket }>;
}

/** A client and an application, on each way that a connection can take between them. */
const ways: Readonly<Record<string, (mesh: ProxyMesh) => Promise<World>>> = {
  HBONE: async (mesh) => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [shop.pod('east', 'front', '17.1'), cart] },
    );
    return world(mesh, '18.2', () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port));
  },
  'double HBONE': async (mesh) => {
    const { call } = await twoNetworks(mesh);
    return world(mesh, '34.1', call);
  },
  'Istio mTLS through 15443': async (mesh) => {
    const { call } = await twoNetworks(mesh, { server: 'sidecar' });
    return world(mesh, '34.1', call);
  },
  plaintext: async (mesh) => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [cart] });
    return world(mesh, '18.2', () => mesh.call(mesh.at('17.9'), mesh.at('17.2'), port));
  },
};

async function world(
  mesh: ProxyMesh,
  application: string,
  call: () => Promise<{ socket: Socket }>,
): Promise<World> {
  const accepted: Socket[] = [];
  let wake = () => undefined as void;
  await mesh.serve(mesh.at(application), port, (socket) => {
    accepted.push(socket);
    wake();
  });
  return {
    async connect() {
      const { socket } = await call();
      while (accepted.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return { client: socket, application: accepted.shift()! };
    },
  };
}

for (const [way, make] of Object.entries(ways))
  describe(`ztunnel, a reset over ${way}`, () => {
    let mesh: ProxyMesh;
    let connect: World['connect'];
    beforeEach(async () => {
      mesh = await ProxyMesh.start();
      ({ connect } = await make(mesh));
    });
    afterEach(() => mesh.stop());

    for (const by of ['client', 'application'] as const) {
      it(`of the ${by} arrives at the other end as a reset`, async () => {
        const ends = await connect();
        const [broken, kept] =
          by === 'client' ? [ends.client, ends.application] : [ends.application, ends.client];
        kept.write('hello');
        await once(broken, 'data');
        const seen = endOf(kept);
        broken.resetAndDestroy();
        assert.equal(await seen, 'ECONNRESET');
      });

      it(`of the ${by} arrives while the other end sends more than anybody reads`, async () => {
        const ends = await connect();
        const [broken, kept] =
          by === 'client' ? [ends.client, ends.application] : [ends.application, ends.client];
        pour(kept);
        await once(broken, 'data');
        broken.pause();
        const seen = endOf(kept);
        broken.resetAndDestroy();
        assert.match(await seen, /ECONNRESET|EPIPE/);
      });

      it(`of the ${by} arrives while nobody reads what it has sent`, async () => {
        const ends = await connect();
        const [broken, kept] =
          by === 'client' ? [ends.client, ends.application] : [ends.application, ends.client];
        kept.pause();
        pour(broken);
        // Nothing more of what it sends is taken.
        await standsStill(() => broken.bytesWritten - broken.writableLength);
        broken.resetAndDestroy();
        assert.match(await errorUnread(kept), /ECONNRESET|EPIPE/);
      });

      it(`of the ${by} arrives after the other end has ended its own direction`, async () => {
        const ends = await connect();
        const [broken, kept] =
          by === 'client' ? [ends.client, ends.application] : [ends.application, ends.client];
        kept.end('the last word');
        await once(broken.resume(), 'end');
        broken.write('part of an answer');
        await once(kept, 'data');
        const seen = endOf(kept);
        broken.resetAndDestroy();
        assert.equal(await seen, 'ECONNRESET');
      });
    }
  });
