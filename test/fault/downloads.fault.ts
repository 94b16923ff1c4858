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
const chunk = Buffer.alloc(64 * 1024);

interface World {
  readonly call: (caller: string) => Promise<{ readonly socket: Socket }>;
  /** From the client's to the application's. */
  readonly proxies: readonly TestProxy[];
  /** Where the application listens. */
  readonly application: string;
}

const ways: Readonly<Record<string, (mesh: ProxyMesh) => Promise<World>>> = {
  HBONE: async (mesh) => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.9', shop.serving(shop.cart, '18.9'));
    const fronts = callers.map((address, index) => shop.pod('east', `front-${index}`, address));
    const source = { services: [shop.cart], workloads: [...fronts, { ...cart, node: 'node-2' }] };
    const proxies = [
      await mesh.proxy({ cluster: 'east' }, source),
      await mesh.proxy(
        { cluster: 'east', node: 'node-2' },
        { ...source, workloads: [{ ...cart, node: 'node-2' }] },
      ),
    ];
    const call = (caller: string) => mesh.call(mesh.at(caller), mesh.at('20.1'), port);
    return { call, proxies, application: '18.9' };
  },
  'double HBONE': (mesh) => acrossNetworks(mesh, 'ambient'),
  'Istio mTLS through 15443': (mesh) => acrossNetworks(mesh, 'sidecar'),
};

async function acrossNetworks(mesh: ProxyMesh, server: 'ambient' | 'sidecar'): Promise<World> {
  const shop = shopIn(mesh);
  const east = callers.slice(1).map((address, index) => shop.pod('east', `front-${index + 1}`, address));
  const { source, gateway, destination } = await twoNetworks(mesh, { east, server });
  const call = (caller: string) => mesh.call(mesh.at(caller), mesh.at('20.1'), port);
  return { call, proxies: [source, gateway, destination], application: '34.1' };
}

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

  /** Sends on all of them, as fast as it is taken. */
  pour(): void {
    for (const socket of this.#sockets.values()) {
      const write = () => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on('drain', write);
      write();
    }
  }

  /** Each of them has more to send than is taken. */
  get full(): boolean {
    return [...this.#sockets.values()].every(({ writableLength }) => writableLength > 0);
  }
}

/** Begins all of them, and reads none: the client's ends. */
async function begin({ call }: World): Promise<readonly Socket[]> {
  const one = async (index: number) => {
    // A call keeps all that it hears, and a download has no end.
    const { socket } = await call(callers[index % callers.length] ?? '');
    socket.removeAllListeners('data');
    socket.write(`${index}`);
    await once(socket, 'data');
    return socket.pause();
  };
  const sockets: Socket[] = [];
  while (sockets.length < downloads)
    sockets.push(...(await Promise.all(Array.from({ length: atOnce }, (_, at) => one(sockets.length + at)))));
  return sockets;
}

/** All bytes that the proxies have carried. */
const carriedBy = (proxies: readonly TestProxy[]): number =>
  proxies
    .flatMap((proxy) => proxy.report().metrics)
    .reduce((all, { sent, received }) => all + sent + received, 0);

/** Until no proxy has carried anything for a second. */
async function standsStill(proxies: readonly TestProxy[]): Promise<void> {
  for (let last = -1, same = 0; same < 10;) {
    await pause(100);
    const now = carriedBy(proxies);
    same = now === last ? same + 1 : 0;
    last = now;
  }
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

/** Reads a little of each, twice a second: its bytes wait and move. Returns how to stop. */
function readSlowly(sockets: readonly Socket[]): () => void {
  const timer = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.once('data', () => socket.pause()).resume();
  }, 500);
  return () => clearInterval(timer);
}

/** Resets one end of a download, and resolves with how it ended for the other. */
function resetOne(broken: Socket, other: Socket): Promise<string> {
  const end = endOf(other);
  broken.resetAndDestroy();
  return end;
}

/** Of a connection that is closed with bytes unread, the kernel makes a reset. */
function close(client: Socket, application: Socket): Promise<string> {
  const end = endOf(application);
  client.destroy();
  return end;
}

/** By turns reset by the client and by the application, and closed by the client with bytes unread. */
function abort(sockets: readonly Socket[], applications: Downloads): Promise<readonly string[]> {
  return Promise.all(
    sockets.map((client, index) => {
      const application = applications.of(index);
      if (index % 3 === 2) return close(client, application);
      return index % 3 === 1 ? resetOne(client, application) : resetOne(application, client);
    }),
  );
}

async function arriveAsResets(ends: Promise<readonly string[]>, started: number): Promise<void> {
  for (const [index, end] of (await ends).entries())
    assert.match(end, /ECONNRESET|EPIPE/, `download ${index} ended otherwise at the other end`);
  within('all of them seen as resets at the other end', performance.now() - started, 1000);
}

for (const [way, make] of Object.entries(ways))
  describe(`${downloads} downloads over ${way}`, () => {
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
      assert.ok(!(await abort(first, applications)).includes(''), 'a download did not end');
      const before = await settled(world.proxies);
      const sockets = await begin(world);
      applications.pour();
      return { before, sockets };
    }

    async function stillStanding() {
      const { before, sockets } = await standing();
      await standsStill(world.proxies);
      assert.ok(
        applications.full && sockets.every((socket) => socket.isPaused()),
        'a download does not stand still',
      );
      const most = heldBy(world.proxies);
      assert.ok(most.slots >= downloads, 'not all of them are there');
      return { before, sockets, most };
    }

    it('that nobody reads leave nothing behind when they are aborted', async () => {
      const { before, sockets, most } = await stillStanding();
      const started = performance.now();
      const ends = abort(sockets, applications);
      await givesBack('aborted downloads', world.proxies, { before, most, started });
      await arriveAsResets(ends, started);
    });

    it('that are read slowly leave nothing behind when they are aborted', async () => {
      const { before, sockets, most } = await stillStanding();
      const stop = readSlowly(sockets);
      await pause(2000);
      assert.ok(applications.full, 'a download does not wait for its reader');
      const started = performance.now();
      const ends = abort(sockets, applications);
      await givesBack('aborted slow downloads', world.proxies, { before, most, started });
      await arriveAsResets(ends, started);
      stop();
    });

    it('leave nothing behind when they are aborted after GOAWAY, nor do the sessions', async () => {
      const { sockets, most } = await stillStanding();
      const drained = Promise.all(world.proxies.map((proxy) => proxy.stop(60_000)));
      // GOAWAY and the PING after it pass.
      await pause(500);
      assert.ok(sockets.every((socket) => !socket.destroyed) && applications.full, 'a download was ended');
      const started = performance.now();
      const ends = abort(sockets, applications);
      await drained;
      // The application still listens.
      const before = { slots: 0, sessions: 0, descriptors: bare + 1 };
      await givesBack('aborted downloads after GOAWAY', world.proxies, { before, most, started });
      await arriveAsResets(ends, started);
    });

    it('leave nothing behind, and arrive as resets at both ends, when the proxy at their middle stops', async () => {
      const { before, sockets, most } = await stillStanding();
      const started = performance.now();
      const ends = Promise.all(
        sockets.flatMap((client, index) => [endOf(client), endOf(applications.of(index))]),
      );
      await world.proxies[1]?.stop(0);
      const none = { ...before, slots: 0, sessions: 0 };
      await givesBack('downloads through a proxy that stops', world.proxies, { before: none, most, started });
      await arriveAsResets(ends, started);
    });
  });
