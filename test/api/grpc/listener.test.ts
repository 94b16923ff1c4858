import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { until } from '../../fakes/agent.ts';
import { agentPair, Echo, LinkListener, linkRequest, makeCa, serverPair } from '../../fakes/link-listener.ts';

/** Also after an error, which `once` would reject with. */
const closeOf = (end: Socket | ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => end.on('close', () => resolve()));

describe('a gRPC listener', () => {
  let link: LinkListener;
  const sockets: Socket[] = [];
  const sessions: ClientHttp2Session[] = [];
  const lines: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) };
  beforeEach(async () => {
    lines.length = 0;
    link = await new LinkListener({ log }).start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const session of sessions.splice(0)) session.destroy();
    await link.stop();
  });

  async function silent(localAddress = '127.0.0.1'): Promise<Socket> {
    const socket = connect({ port: link.port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    await once(socket.on('error', () => undefined).resume(), 'connect');
    return socket;
  }
  const ownTls = (): ConnectionOptions => {
    const { key, chain } = agentPair(link.ca);
    return { host: '127.0.0.1', port: link.port, ca: link.pem, key, cert: chain, ALPNProtocols: ['h2'] };
  };
  async function secured(
    over: ConnectionOptions & { readonly localAddress?: string } = {},
  ): Promise<TLSSocket> {
    const socket = connectTls({ ...ownTls(), ...over });
    sockets.push(socket);
    await once(socket.on('error', () => undefined).resume(), 'secureConnect');
    return socket;
  }
  const arriving = (count: number) => until(() => link.listener.arriving === count);

  /** Whether a connection is still open when 9,999 ms are over, and is ended by one more. */
  async function lastsTenSeconds(socket: Socket): Promise<void> {
    await link.clock.advance(9999);
    assert.ok(!socket.closed && !socket.readableEnded);
    const closed = closeOf(socket);
    await link.clock.advance(1);
    await closed;
  }

  it('ends a connection that sends nothing after ten seconds', async () => {
    const socket = await silent();
    await arriving(1);
    await lastsTenSeconds(socket);
    await arriving(0);
  });

  it('ends a connection whose handshake does not finish after ten seconds', async () => {
    const socket = await silent();
    // The header of a TLS record whose body never comes.
    socket.write(Buffer.of(22, 3, 1, 0, 200));
    await arriving(1);
    await lastsTenSeconds(socket);
  });

  it('ends a peer that has finished the handshake and then sends nothing after ten seconds', async () => {
    const socket = await secured();
    await arriving(1);
    await lastsTenSeconds(socket);
  });

  it('ends a peer that speaks HTTP/2 and calls nothing after ten seconds', async () => {
    const socket = await secured();
    const session = connectHttp2('https://127.0.0.1', { createConnection: () => socket });
    sessions.push(session);
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
    const closed = closeOf(session);
    await link.clock.advance(9999);
    assert.ok(!session.closed);
    await link.clock.advance(1);
    await closed;
  });

  it('keeps a connection on which something was called, for as long as its peer wants', async () => {
    const echo = new Echo(link.client());
    await echo.say();
    assert.equal(link.listener.arriving, 0);
    await link.clock.advance(3_600_000);
    assert.deepEqual(await echo.say(), linkRequest());
  });

  it('keeps a connection for ten seconds and no longer where none is needed longer', async () => {
    const short = await new LinkListener({ proof: 'none' }).start();
    try {
      const echo = new Echo(short.client());
      await echo.say();
      await short.clock.advance(9999);
      assert.deepEqual(await echo.say(), linkRequest());
      await short.clock.advance(1);
      assert.equal((await echo.ended).code, status.UNAVAILABLE);
    } finally {
      await short.stop();
    }
  });

  it('lets an agent in while 600 connections of its own address say nothing, of which the oldest 88 are ended', async () => {
    const all: Socket[] = [];
    for (let i = 0; i < 600; i++) all.push(await silent());
    await until(() => all.filter(({ closed }) => closed).length === 88);
    assert.ok(all.slice(0, 88).every(({ closed }) => closed));
    assert.equal(link.listener.arriving, 512);
    assert.deepEqual(await new Echo(link.client()).say(), linkRequest());
    // Its connection took the place of one more while its handshake ran, and gave it back.
    await until(() => link.listener.arriving === 511);
  });

  it('refuses an address of which 50 handshakes have failed in a second, and no other; successes never count', async () => {
    const [bad, good] = ['127.0.0.8', '127.0.0.9'];
    for (let i = 0; i < 60; i++) {
      const socket = (await secured({ localAddress: good })).end();
      await closeOf(socket);
    }
    for (let i = 0; i < 49; i++) {
      const socket = await silent(bad);
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await closeOf(socket);
    }
    await secured({ localAddress: bad });
    const last = await silent(bad);
    last.write('GET / HTTP/1.1\r\n\r\n');
    await closeOf(last);
    await assert.rejects(secured({ localAddress: bad }));
    await secured({ localAddress: good });
    await link.clock.advance(20);
    await secured({ localAddress: bad });
  });

  it('says which limit was reached and for whom, once a second, with the number of lines left out', async () => {
    for (let i = 0; i < 3; i++) await silent();
    await arriving(3);
    await link.clock.advance(10_000);
    await silent();
    await arriving(1);
    await link.clock.advance(10_000);
    const line = { limit: 'HANDSHAKE_TIMEOUT', address: '127.0.0.1' };
    assert.deepEqual(lines, [line, { ...line, suppressed: 1 }, line]);
  });

  it('speaks no other protocol', async () => {
    const socket = connectTls({ ...ownTls(), ALPNProtocols: ['http/1.1'] });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    assert.match(String(error.code), /NO_APPLICATION_PROTOCOL/);
    const mute = await secured({ ALPNProtocols: [] });
    await closeOf(mute);
    await arriving(0);
  });

  it('shows a replaced certificate in new handshakes, while open connections go on', async () => {
    const echo = new Echo(link.client());
    await echo.say();
    const before = (await secured()).getPeerCertificate().serialNumber;
    link.certificates.setIdentity(serverPair(link.ca));
    const after = (await secured()).getPeerCertificate().serialNumber;
    assert.notEqual(after, before);
    assert.deepEqual(await echo.say(), linkRequest());
  });

  it('verifies new callers by a replaced CA, while open connections go on', async () => {
    const other = makeCa();
    const echo = new Echo(link.client());
    await echo.say();
    const both = new Certificates(agentPair(other), link.pem);
    await assert.rejects(new Echo(link.client(both)).say(), { code: status.UNAVAILABLE });
    link.certificates.setCa(certificatePem(other.certificate));
    assert.deepEqual(await new Echo(link.client(both)).say(), linkRequest());
    await assert.rejects(new Echo(link.client()).say(), { code: status.UNAVAILABLE });
    assert.deepEqual(await echo.say(), linkRequest());
  });

  it('lets nobody in by certificates that cannot be used, nor without a CA, until there are others', async () => {
    const good = link.certificates.identity;
    const refused = () => assert.rejects(new Echo(link.client()).say(), { code: status.UNAVAILABLE });
    link.certificates.setIdentity({ key: 'no key', chain: 'no chain' });
    await refused();
    link.certificates.setIdentity(good);
    link.certificates.setCa('');
    await refused();
    link.certificates.setCa(link.pem);
    assert.deepEqual(await new Echo(link.client()).say(), linkRequest());
  });

  it('is not made without a CA where callers must be verified', () => {
    const certificates = new Certificates(serverPair(makeCa()));
    assert.throws(() => new LinkListener({ certificates }), /there is no CA/);
  });

  it('names the address, the reason and the flag when it cannot listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const other = new LinkListener();
    await assert.rejects(other.listener.listen(`127.0.0.1:${port}`, '--link-listen'), {
      code: 'LISTEN_FAILED',
      message: `cannot listen on 127.0.0.1:${port}: EADDRINUSE: another process listens there: stop it, or name another port (--link-listen)`,
    });
    await other.stop();
    taken.close();
  });

  it('listens on IPv6 addresses', async function () {
    const other = new LinkListener();
    try {
      assert.ok((await other.listener.listen('[::1]:0', '--link-listen')) > 0);
    } catch (error) {
      if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(String(error))) {
        console.warn('      DID NOT RUN: this machine has no IPv6 loopback address');
        this.skip();
      }
      throw error;
    } finally {
      await other.stop();
    }
  });

  it('answers INVALID_ARGUMENT with the reason to a request that cannot be decoded, and the call ends', async () => {
    const client = link.client();
    await assert.rejects(new Echo(client).say(linkRequest('')), {
      code: status.INVALID_ARGUMENT,
      details: /the request is refused: .*type/,
    });
    await until(() => link.cancelled === 1);
    assert.deepEqual(await new Echo(client).say(), linkRequest());
  });

  it('ends connections without calls when it is closed, and the others a second later', async () => {
    const socket = await silent();
    await arriving(1);
    const echo = new Echo(link.client());
    await echo.say();
    const closed = closeOf(socket);
    await link.listener.close();
    await closed;
    assert.deepEqual(await echo.say(), linkRequest());
    await link.clock.advance(1000);
    assert.equal((await echo.ended).code, status.UNAVAILABLE);
  });
});
