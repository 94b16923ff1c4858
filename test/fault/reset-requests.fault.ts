import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { ask, foreignSession } from '../fakes/foreign-client.ts';
import { ProxyMesh, type TestProxy } from '../fakes/proxy-mesh.ts';
import { identityOf, port, shopIn } from '../feature/ztunnel/shop.ts';
import { descriptors, givesBack, heldBy } from './held.ts';

const requests = 20_000;
const cancel = 8;

/** Answers every connection with more than its client will read. */
function answer(socket: Socket): void {
  socket
    .on('error', () => undefined)
    .on('end', () => socket.end())
    .once('data', () => socket.write(Buffer.alloc(64 * 1024)));
}

const closed = (stream: ClientHttp2Stream): Promise<unknown> =>
  new Promise((resolve) => stream.once('close', resolve));

/** An answered CONNECT on which payload went both ways, of which the most still waits to be read. */
async function tunnel(session: ClientHttp2Session, authority: string): Promise<ClientHttp2Stream> {
  const stream = ask(session, authority);
  stream.write('GET');
  await Promise.race([once(stream, 'readable'), closed(stream)]);
  return stream;
}

/** How many tunnels each session has at once. */
const linesEach = 5;
const sessionsAtOnce = 8;
const lines = sessionsAtOnce * linesEach;

/** Tunnels are opened and reset, `lines` at a time; the last one of each line stays open and is returned. */
async function resetTunnels(sessions: readonly ClientHttp2Session[], authority: string) {
  const line = async (session: ClientHttp2Session) => {
    for (let sent = 1; sent < requests / lines; sent++) {
      const stream = await tunnel(session, authority);
      stream.close(cancel);
      await closed(stream);
    }
    return tunnel(session, authority);
  };
  const last = sessions.flatMap((session) => Array.from({ length: linesEach }, () => line(session)));
  const streams = await Promise.all(last);
  assert.ok(!sessions.some(({ destroyed }) => destroyed), 'a session was ended');
  return streams;
}

describe('20,000 requests', () => {
  let mesh: ProxyMesh;
  let proxy: TestProxy;
  let authority: string;
  let bare = 0;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    bare = descriptors();
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    proxy = await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [cart] });
    await mesh.serve(mesh.at('18.2'), port, answer);
    authority = `${mesh.at('17.2')}:${port}`;
  });
  afterEach(() => mesh.stop());

  const open = (count: number, nameOf: (index: number) => string) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        foreignSession(mesh.leaf('east', identityOf(nameOf(index))), mesh.at('17.2'), mesh.at('17.1')),
      ),
    );

  it('that are reset while their answers wait to be read leave nothing behind', async () => {
    const none = heldBy([proxy]);
    const sessions = await open(sessionsAtOnce, () => 'front');
    const before = heldBy([proxy]);
    const streams = await resetTunnels(sessions, authority);
    const most = heldBy([proxy]);
    const started = performance.now();
    for (const stream of streams) stream.close(cancel);
    await givesBack('20,000 tunnels reset', [proxy], { before, most, started });
    const destroyed = performance.now();
    for (const session of sessions) session.destroy();
    await givesBack('and their sessions ended', [proxy], { before: none, most: before, started: destroyed });
  });

  it('of which the last are reset after GOAWAY leave nothing behind, nor do the sessions', async () => {
    const sessions = await open(sessionsAtOnce, () => 'front');
    const streams = await resetTunnels(sessions, authority);
    const farewells = sessions.map((session) => once(session, 'goaway'));
    const drained = proxy.stop(60_000);
    await Promise.all(farewells);
    const most = heldBy([proxy]);
    const started = performance.now();
    for (const stream of streams) stream.close(cancel);
    await drained;
    // The application still listens.
    const before = { slots: 0, sessions: 0, descriptors: bare + 1 };
    await givesBack('20,000 tunnels reset, the last after GOAWAY', [proxy], { before, most, started });
  });

  for (const farewell of ['GOAWAY', 'no GOAWAY'])
    it(`that are reset before their answer leave nothing behind, then with ${farewell}`, async () => {
      const none = heldBy([proxy]);
      // One identity may reset 450 at once.
      const each = 400;
      const sessions = await open(requests / each, (index) => `front-${index}`);
      const before = heldBy([proxy]);
      for (const session of sessions)
        for (let sent = 0; sent < each; sent += 50) {
          for (let one = 0; one < 50; one++) ask(session, authority).close(cancel);
          await new Promise((resolve) => setImmediate(resolve));
        }
      const most = heldBy([proxy]);
      const started = performance.now();
      await Promise.all(sessions.map((session) => new Promise((resolve) => session.ping(resolve))));
      assert.ok(!sessions.some(({ destroyed }) => destroyed), 'a session was ended');
      await givesBack('20,000 requests reset', [proxy], { before, most, started });
      const ended = performance.now();
      for (const session of sessions)
        if (farewell === 'GOAWAY') session.close();
        else session.destroy();
      await givesBack(`and then ${farewell}`, [proxy], { before: none, most: before, started: ended });
    });
});
