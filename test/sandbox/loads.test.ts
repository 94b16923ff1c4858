import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { KeptLoad } from '../../sandbox/observe/kept-load.ts';
import { steadyTraffic } from '../../sandbox/traffic.ts';
import { FakeClock } from '../fakes/clock.ts';

describe('sandbox/observe kept load', () => {
  let server: Server;
  let answering = true;
  const sockets: Socket[] = [];
  const clock = new FakeClock();
  let load: KeptLoad;

  beforeEach(async () => {
    answering = true;
    sockets.length = 0;
    server = createServer((socket) => {
      sockets.push(socket);
      socket.write('store store-1 in east ready\n');
      socket.on('data', (bytes) => answering && socket.write(`east stored ${String(bytes)}`));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    load = await new KeptLoad({ localAddress: '127.0.0.1', host: '127.0.0.1', port }, 10, clock).start(2);
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  /** Time passes, and what was written meanwhile is read. */
  const pass = async (done: () => boolean) => {
    while (!done()) {
      await clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /** Ends it, which waits for what is due. */
  const stop = async () => {
    const result = load.stop();
    await clock.advance(3000);
    return result;
  };

  it('knows who took each connection, and counts words that were answered', async () => {
    assert.deepEqual(
      load.connections().map(({ cluster, endedAt }) => [cluster, endedAt]),
      [
        ['east', undefined],
        ['east', undefined],
      ],
    );
    await pass(() => load.served.length >= 4);
    assert.deepEqual((await stop()).failures, []);
  });

  it('counts a connection that ends before it is stopped', async () => {
    sockets[0]!.destroy();
    await pass(() => load.failures.length > 0);
    assert.equal(load.connections().filter(({ endedAt }) => endedAt !== undefined).length, 1);
  });

  it('counts a word that is never answered', async () => {
    answering = false;
    await clock.advance(100);
    const { failures } = await stop();
    assert.ok(failures.length > 0);
    assert.ok(failures.every(({ message }) => message === 'a word was not answered'));
  });
});

describe('sandbox traffic', () => {
  it('counts visits that fail, and pauses when those under way are answered', async () => {
    let status = 200;
    let visits = 0;
    const server = createHttpServer((_, response) => {
      visits++;
      response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const clock = new FakeClock();
    const traffic = steadyTraffic(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, clock);
    await traffic.pause();
    assert.deepEqual([visits, traffic.sent, traffic.failed], [1, 1, 0]);
    await clock.advance(1000);
    assert.equal(traffic.sent, 1);
    status = 502;
    traffic.resume();
    await clock.advance(200);
    await traffic.pause();
    assert.deepEqual([visits, traffic.sent, traffic.failed], [2, 2, 1]);
    traffic.stop();
    server.closeAllConnections();
    server.close();
  });
});
