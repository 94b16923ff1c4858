import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { foreignSession } from '../../fakes/foreign-client.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { holds, settled } from '../../fakes/turns.ts';
import { identityOf, port, shopIn } from './shop.ts';

/** Sends without end, as fast as it is taken. */
function pour(socket: Socket): void {
  const write = () => {
    while (socket.writable && socket.write(Buffer.alloc(64 * 1024)));
  };
  socket.on('drain', write);
  write();
}

async function standsStill(socket: Socket): Promise<void> {
  for (let last = -1; last !== socket.bytesWritten - socket.writableLength;) {
    last = socket.bytesWritten - socket.writableLength;
    await settled();
  }
}

describe('ztunnel, an inner session whose tunnel the application resets', () => {
  let mesh: ProxyMesh;
  let proxy: TestProxy;
  let session: ClientHttp2Session;
  const applications: Socket[] = [];
  /** The connection of the session to the proxy, as a gateway has it. */
  let wire: Socket;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    applications.length = 0;
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    proxy = await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [cart] });
    await mesh.serve(mesh.at('18.2'), port, (socket) => applications.push(socket));
    await mesh.serve(mesh.at('19.1'), 15_008, (near) => {
      wire = connect({ host: mesh.at('17.2'), port: 15_008, localAddress: mesh.at('17.1') });
      wire.on('error', () => near.destroy());
      near.pipe(wire).pipe(near);
    });
    session = await foreignSession(mesh.leaf('east', identityOf('front')), mesh.at('19.1'));
  });
  afterEach(async () => {
    session.destroy();
    wire.destroy();
    await mesh.stop();
  });

  /** A tunnel with bytes both ways; `inner` says in it that it came through a gateway. */
  async function tunnel(inner: boolean): Promise<ClientHttp2Stream> {
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':authority': `${mesh.at('17.2')}:${port}`,
        ...(inner && { 'x-forwarded-network': 'network-west' }),
      },
      { endStream: false },
    );
    stream.on('error', () => undefined);
    await once(stream, 'response');
    applications.at(-1)!.write('some bytes');
    await once(stream, 'data');
    return stream.pause();
  }

  it('ends at once with its connection, also when nobody reads what was sent on it', async () => {
    await tunnel(true);
    const [application] = applications as [Socket];
    wire.unpipe().pause();
    pour(application);
    await standsStill(application);
    application.resetAndDestroy();
    // The slot of the socket below is given back when the socket has closed, after its session.
    await holds(() => proxy.report().totals.open + proxy.report().totals.slots === 0);
  });

  it('lives on where it carries another tunnel, or is not an inner session', async () => {
    for (const inner of [true, false]) {
      const first = await tunnel(inner);
      const other = inner ? await tunnel(inner) : undefined;
      const closed = new Promise((resolve) => first.once('close', resolve));
      applications.at(inner ? -2 : -1)!.resetAndDestroy();
      await closed;
      if (!other) continue;
      applications.at(-1)!.write('more');
      const [more] = (await once(other.resume(), 'data')) as [Buffer];
      assert.equal(more.toString(), 'more');
      other.end();
      applications.at(-1)!.end();
      await once(other, 'close');
    }
    assert.ok(!session.closed && !session.destroyed);
    await tunnel(false);
  });
});
