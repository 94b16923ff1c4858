import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { httpsListener } from '@isthmus/mesh/http/listener.ts';
import { defaultHandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ServerCa } from '../../fakes/server-pair.ts';

describe('mesh/http: a listener with TLS', () => {
  const ca = new ServerCa();
  const limits: unknown[] = [];
  const log = { ...silentLog, warn: (fields: { limit?: unknown }) => void limits.push(fields.limit) };
  const clock = new FakeClock();
  const server = httpsListener(
    (_request, response) => void response.end('answered'),
    { name: 'test', log, clock },
    ca.issue(['127.0.0.1']),
  );
  let port = 0;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = () =>
    new Promise<string>((resolve, reject) => {
      request({ host: '127.0.0.1', port, ca: ca.pem, agent: false }, (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });

  it('answers, and lives on when a stranger sends no TLS', async () => {
    const stranger = connect(port, '127.0.0.1');
    stranger.on('error', () => undefined).end('GET / HTTP/1.1\r\n\r\n');
    await once(stranger, 'close');
    assert.equal(await ask(), 'answered');
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    it(`resumes no session of ${maxVersion}`, async () => {
      const visit = async (session?: Buffer) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca: ca.pem, maxVersion, session });
        let last = session;
        socket.on('session', (one: Buffer) => (last = one));
        await once(socket, 'secureConnect');
        const reused = socket.isSessionReused();
        socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
        socket.resume();
        await once(socket, 'close');
        return { session: last, reused };
      };
      const { session } = await visit();
      assert.equal((await visit(session)).reused, false);
    });

  it('ends what has not sent a request, and not what has', async () => {
    const kept = connectTls({ host: '127.0.0.1', port, ca: ca.pem });
    await once(kept, 'secureConnect');
    kept.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(kept, 'data');
    const silent = connect(port, '127.0.0.1');
    await Promise.all([once(silent, 'connect'), once(server, 'connection')]);
    const ended = once(silent, 'close');
    await clock.advance(15_000);
    await ended;
    assert.ok(!kept.destroyed);
    assert.deepEqual(limits.splice(0), ['HANDSHAKE_TIMEOUT']);
    kept.destroy();
  });

  it(`has at most ${defaultHandshakeLimits.begun} without a request, of which the oldest gives way`, async () => {
    const sockets: Socket[] = [];
    const come = async () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      await Promise.all([once(socket, 'connect'), once(server, 'connection')]);
    };
    for (let i = 0; i < defaultHandshakeLimits.begun; i++) await come();
    assert.deepEqual(limits, []);
    const ended = once(sockets[0]!, 'close');
    await come();
    await ended;
    assert.deepEqual(limits.splice(0), ['HANDSHAKES_BEGUN']);
    for (const socket of sockets) socket.destroy();
    assert.equal(await ask(), 'answered');
  });
});
