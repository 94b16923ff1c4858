import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ProxyMesh, type TestProxy } from '../fakes/proxy-mesh.ts';
import { port, shopIn, twoNetworks } from '../feature/ztunnel/shop.ts';
import { descriptors, givesBack, heldBy, settled } from './held.ts';
import { pause, timeScale, within } from './measured.ts';

const downloads = 240;
/** What waits for their readers stays within the shares of three identities, and not of one. */
const callers = ['17.1', '17.2', '17.3'];
const atOnce = 20;

interface World {
  readonly call: (caller: string) => Promise<{ readonly socket: Socket }>;
  readonly proxies: readonly TestProxy[];
  /** Where the application listens. */
  readonly application: string;
  /**
   * Whether a third is reset by the application. Over double HBONE its reset waits behind what stands still in the inner
   * sessions, and 240 of them at once in one process are given back only after many seconds.
   */
  readonly either: boolean;
}

const ways: Readonly<Record<string, (mesh: ProxyMesh) => Promise<World>>> = {
  HBONE: async (mesh) => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.9', shop.serving(shop.cart, '18.9'));
    const fronts = callers.map((address, index) => shop.pod('east', `front-${index}`, address));
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [cart, ...fronts] },
    );
    const call = (caller: string) => mesh.call(mesh.at(caller), mesh.at('20.1'), port);
    return { call, proxies: [proxy], application: '18.9', either: true };
  },
  'double HBONE': async (mesh) => {
    const shop = shopIn(mesh);
    const east = callers.slice(1).map((address, index) => shop.pod('east', `front-${index + 1}`, address));
    const { source, gateway, destination } = await twoNetworks(mesh, { east });
    const call = (caller: string) => mesh.call(mesh.at(caller), mesh.at('20.1'), port);
    return { call, proxies: [source, gateway, destination], application: '34.1', either: false };
  },
};

/** An application that answers the number that its client sends with some bytes, and later with bytes without end. */
class Downloads {
  readonly #sockets = new Map<string, Socket>();

  serve(socket: Socket): void {
    socket.on('error', () => undefined).on('end', () => socket.end());
    socket.once('data', (name: Buffer) => {
      this.#sockets.set(name.toString(), socket);
      socket.write('some bytes');
    });
  }

  /** The application's end of a download. */
  of(index: number): Socket {
    const socket = this.#sockets.get(`${index}`);
    assert.ok(socket, `download ${index} has not arrived`);
    return socket;
  }

  /** Sends on all of them as fast as it is taken; resolves when nothing more is. */
  async pour(): Promise<void> {
    const sockets = [...this.#sockets.values()];
    const chunk = Buffer.alloc(64 * 1024);
    for (const socket of sockets) {
      const write = () => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on('drain', write);
      write();
    }
    const taken = () => sockets.reduce((all, one) => all + one.bytesWritten - one.writableLength, 0);
    for (let last = -1, same = 0; same < 10;) {
      await pause(100);
      same = taken() === last ? same + 1 : 0;
      last = taken();
    }
  }
}

/** Begins all of them, and reads none: the client's ends. */
async function begin({ call }: World): Promise<readonly Socket[]> {
  const one = async (index: number) => {
    // A call keeps all that it hears, and a download has no end.
    const { socket } = await call(callers[index % callers.length] ?? '');
    socket.removeAllListeners('data').pause();
    socket.write(`${index}`);
    await once(socket, 'readable');
    return socket.removeAllListeners('readable').pause();
  };
  const sockets: Socket[] = [];
  while (sockets.length < downloads)
    sockets.push(...(await Promise.all(Array.from({ length: atOnce }, (_, at) => one(sockets.length + at)))));
  return sockets;
}

/**
 * Resolves when a socket has closed: by a reset, or because the other end had ended; or not within the time. It is not
 * read, and an empty write shows what a read would.
 */
async function endOf(socket: Socket): Promise<string> {
  let end = '';
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => (end = code));
  socket.on('end', () => (end = 'end')).on('close', () => (end ||= 'closed'));
  for (let waited = 0; end === '' && waited < 40_000 * timeScale; waited += 50) {
    socket.write('');
    await pause(50);
  }
  return end;
}

/**
 * By turns: reset by the client, closed by it with bytes unread, of which the kernel makes a reset, and, with `either`,
 * reset by the application. Resolves with how they ended for the other end.
 */
function abort(
  sockets: readonly Socket[],
  applications: Downloads,
  either: boolean,
): Promise<readonly string[]> {
  const kinds = either ? 3 : 2;
  return Promise.all(
    sockets.map((client, index) => {
      const application = applications.of(index);
      if (index % kinds === 2) {
        application.resetAndDestroy();
        return endOf(client);
      }
      const end = endOf(application);
      if (index % kinds === 1) client.resetAndDestroy();
      else client.destroy();
      return end;
    }),
  );
}

async function arriveAsResets(ends: Promise<readonly string[]>, started: number): Promise<void> {
  for (const [index, end] of (await ends).entries())
    assert.match(end, /ECONNRESET|EPIPE/, `download ${index} ended otherwise at the other end`);
  within('all of them seen as resets at the other end', performance.now() - started, 1000);
}

for (const [way, make] of Object.entries(ways))
  describe(`${downloads} downloads over ${way} that stand still and are aborted`, () => {
    let mesh: ProxyMesh;
    let world: World;
    let bare = 0;
    let applications: Downloads;
    beforeEach(async () => {
      mesh = await ProxyMesh.start();
      bare = descriptors();
      world = await make(mesh);
      applications = new Downloads();
      await mesh.serve(mesh.at(world.application), port, (socket) => applications.serve(socket));
    });
    afterEach(() => mesh.stop());

    /** The pool keeps its sessions: as many downloads as will be aborted were there once before. */
    async function standing() {
      const first = await begin(world);
      assert.ok(!(await abort(first, applications, world.either)).includes(''), 'a download did not end');
      const before = await settled(world.proxies);
      const sockets = await begin(world);
      await applications.pour();
      const most = heldBy(world.proxies);
      assert.ok(sockets.every(({ destroyed }) => !destroyed));
      assert.ok(most.slots >= downloads, 'not all of them are there');
      return { before, sockets, most };
    }

    it('leave nothing behind', async () => {
      const { before, sockets, most } = await standing();
      const started = performance.now();
      const ends = abort(sockets, applications, world.either);
      await givesBack('aborted downloads', world.proxies, { before, most, started });
      await arriveAsResets(ends, started);
    });

    it('leave nothing behind after GOAWAY, nor do the sessions', async () => {
      const { sockets, most } = await standing();
      const drained = Promise.all(world.proxies.map((proxy) => proxy.stop(60_000)));
      const started = performance.now();
      const ends = abort(sockets, applications, world.either);
      await drained;
      // The application still listens.
      const before = { slots: 0, sessions: 0, descriptors: bare + 1 };
      await givesBack('aborted downloads after GOAWAY', world.proxies, { before, most, started });
      await arriveAsResets(ends, started);
    });
  });
