import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { Socket } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { connect, TLSSocket, type ConnectionOptions } from 'node:tls';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { TlsRefused, type Layer } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { acceptTls, dialTls } from '../../fakes/tls-on-sockets.ts';

const pod = 'spiffe://cluster.local/ns/shop/sa/cart';
const gateway = 'spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway';
const authority = makeAuthority();
const twin = makeAuthority();

const accept = (raw: Duplex, over: { layer?: Layer; clock?: Clock; alpn?: string[] } = {}) =>
  acceptTls(raw, {
    credentials: authority.leaf(gateway),
    alpn: ['h2'],
    table: tableOf(authority),
    clock: systemClock,
    layer: 'hbone',
    timeoutMillis: 5000,
    ...over,
  });

const dial = (raw: Duplex, over: { layer?: Layer; clock?: Clock; by?: typeof authority } = {}) =>
  dialTls(raw, {
    credentials: (over.by ?? authority).leaf(pod),
    alpn: ['h2'],
    table: tableOf(authority),
    expect: expectNames(gateway),
    cluster: 'east',
    timeoutMillis: 5000,
    clock: over.clock ?? systemClock,
    layer: over.layer ?? 'hbone',
  });

async function refused(attempt: Promise<unknown>): Promise<TlsRefused> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof TlsRefused, String(error));
    assert.equal(error.code, 'TLS_REFUSED');
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was refused' });
}

/** Over what a handshake is carried: each gives two ends that are connected. */
const carriers: Record<string, () => Promise<{ client: Duplex; server: Duplex; end: () => void }>> = {
  'a TCP socket': async () => {
    const { client, server } = await socketPair();
    return { client, server, end: () => [client, server].forEach((one) => one.destroy()) };
  },
  'any duplex': () => {
    const [client, server] = duplexPair();
    return Promise.resolve({ client, server, end: () => [client, server].forEach((one) => one.destroy()) });
  },
  'an HTTP/2 stream': async () => {
    const listener = http2.createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(listener.address() as { port: number }).port}`);
    session.on('error', () => undefined);
    const arrived = once(listener, 'stream');
    const client = session.request({ ':method': 'CONNECT', ':authority': 'cart.shop:80' });
    const [server] = (await arrived) as [http2.ServerHttp2Stream];
    server.respond({ ':status': 200 });
    await once(client, 'response');
    const end = () => {
      session.destroy();
      listener.close();
    };
    return { client, server, end };
  },
};

for (const [name, carrier] of Object.entries(carriers))
  describe(`mesh/tls over ${name}`, () => {
    let ends: Awaited<ReturnType<typeof carrier>>;
    beforeEach(async () => {
      ends = await carrier();
      for (const one of [ends.client, ends.server]) one.on('error', () => undefined);
    });
    afterEach(() => ends.end());

    it('agrees and carries bytes both ways', async () => {
      const [accepted, dialled] = await Promise.all([
        accept(ends.server, { layer: 'inner' }),
        dial(ends.client, { layer: 'inner' }),
      ]);
      assert.equal(accepted.peer.spiffeId, pod);
      dialled.socket.write('ping');
      const [ping] = (await once(accepted.socket, 'data')) as [Buffer];
      accepted.socket.write('pong');
      const [pong] = (await once(dialled.socket, 'data')) as [Buffer];
      assert.deepEqual([String(ping), String(pong)], ['ping', 'pong']);
    });

    it('a client that the server refuses sees an end, and nothing that it said was heard', async () => {
      const accepting = refused(accept(ends.server, { layer: 'inner' }));
      // With TLS 1.3 the client's handshake is over before the server has judged it.
      const { socket } = await dial(ends.client, { layer: 'inner', by: twin });
      let heard = 0;
      socket.on('data', () => heard++);
      socket.on('error', () => undefined);
      const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
      socket.write('GET / HTTP/1.1\r\n\r\n');
      const error = await accepting;
      assert.match(error.message, /^inner tls: UNKNOWN_ISSUER: /);
      assert.equal(error.refusal?.reason, 'UNKNOWN_ISSUER');
      await ended;
      assert.equal(heard, 0);
      assert.equal(ends.server.destroyed, true);
    });
  });

describe('mesh/tls in trouble', () => {
  let pair: { client: Socket; server: Socket };
  beforeEach(async () => {
    pair = await socketPair();
    pair.client.on('error', () => undefined);
  });
  afterEach(() => {
    pair.client.destroy();
    pair.server.destroy();
  });

  it('a peer that says nothing is given up after the time that was given', async () => {
    const clock = new FakeClock();
    const accepting = refused(accept(pair.server, { clock, layer: 'outer' }));
    await clock.advance(4999);
    assert.equal(pair.server.destroyed, false);
    await clock.advance(1);
    assert.match((await accepting).message, /^outer tls: no handshake within 5000 ms/);
    assert.equal(pair.server.destroyed, true);
  });

  it('no timer is left when it is over', async () => {
    const clock = new FakeClock(Date.now());
    await Promise.all([accept(pair.server, { clock }), dial(pair.client, { clock })]);
    assert.equal(clock.pending, 0);
  });

  const ends: Record<string, (client: Socket) => void> = {
    'closes at once': (client) => client.end(),
    'is reset': (client) => client.resetAndDestroy(),
    'speaks plaintext': (client) => client.write('GET / HTTP/1.1\r\nhost: cart\r\n\r\n'),
    'sends half a hello and closes': (client) => client.end(Buffer.from('160301020001', 'hex')),
  };
  for (const [what, act] of Object.entries(ends))
    it(`a peer that ${what} is refused without waiting`, async () => {
      const clock = new FakeClock();
      const accepting = refused(accept(pair.server, { clock }));
      act(pair.client);
      assert.match((await accepting).message, /^hbone tls: /);
      assert.equal(clock.pending, 0);
    });

  it('a reset right after the handshake ends the connection, not the process', async () => {
    const [accepted] = await Promise.all([accept(pair.server), dial(pair.client)]);
    // Nobody but the handshake has listened for an error.
    const closed = new Promise((resolve) => accepted.socket.once('close', resolve));
    accepted.socket.resume();
    pair.client.resetAndDestroy();
    await closed;
  });

  for (const layer of ['hbone', 'outer', 'inner', 'istio-mtls'] as const)
    it(`no connection is made to an endpoint without a known identity (${layer})`, async () => {
      const options = { table: tableOf(authority), clock: systemClock, timeoutMillis: 5000, alpn: ['h2'] };
      const error = await refused(
        dialTls(pair.client, {
          ...options,
          credentials: authority.leaf(pod),
          layer,
          expect: expectNames(undefined),
          cluster: 'east',
        }),
      );
      assert.match(error.message, new RegExp(`^${layer} tls: no identity is expected of the server`));
      assert.deepEqual([error.refusal?.reason, pair.client.destroyed], ['WRONG_IDENTITY', true]);
    });

  it('credentials that are none fail like a handshake, and close', async () => {
    const bad = { identity: pod, key: 'no key', chain: 'no chain' };
    const options = { table: tableOf(authority), clock: systemClock, timeoutMillis: 5000, alpn: ['h2'] };
    const error = await refused(
      dialTls(pair.client, {
        ...options,
        credentials: bad,
        layer: 'inner',
        expect: expectNames(gateway),
        cluster: 'east',
      }),
    );
    assert.match(error.message, /^inner tls: our own credentials/);
    assert.doesNotMatch(error.message, /no key|no chain/);
    assert.equal(pair.client.destroyed, true);
  });

  /** A client of another make: what the server says of it, or the protocol that was agreed on. */
  async function foreign(options: ConnectionOptions, layer: Layer): Promise<string> {
    const own = authority.leaf(pod);
    const accepting = accept(pair.server, { layer, alpn: ['h2'] });
    const socket = connect({
      socket: pair.client,
      rejectUnauthorized: false,
      key: own.key,
      cert: own.chain,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.on('error', () => undefined);
    try {
      return (await accepting).socket.getProtocol() ?? '';
    } catch (error) {
      return (error as TlsRefused).refusal?.reason ?? 'TLS';
    } finally {
      socket.destroy();
    }
  }

  it('a client that offers another protocol is refused as such', async () => {
    assert.equal(await foreign({ ALPNProtocols: ['http/1.1'] }, 'outer'), 'NO_ALPN');
  });
  it('TLS 1.2 is no HBONE', async () => {
    assert.equal(await foreign({ maxVersion: 'TLSv1.2' }, 'hbone'), 'TLS');
  });
  it('TLS 1.2 is enough for Istio mTLS', async () => {
    assert.equal(await foreign({ maxVersion: 'TLSv1.2' }, 'istio-mtls'), 'TLSv1.2');
  });
  it('no SNI is sent unless asked', async () => {
    const [accepted] = await Promise.all([accept(pair.server), dial(pair.client)]);
    assert.equal((accepted.socket as TLSSocket & { servername: unknown }).servername, false);
  });
});

describe('mesh/tls after its handshake', () => {
  let pair: { client: Socket; server: Socket };
  beforeEach(async () => {
    pair = await socketPair();
    pair.client.on('error', () => undefined);
  });
  afterEach(() => {
    pair.client.destroy();
    pair.server.destroy();
  });
  const closed = (socket: TLSSocket) =>
    new Promise<string | undefined>((resolve) => {
      let code: string | undefined;
      socket.on('error', (error: NodeJS.ErrnoException) => (code ??= error.code));
      socket.once('close', () => resolve(code));
    });

  /** Application data that no key has sealed. */
  const corrupt = Buffer.concat([Buffer.of(0x17, 3, 3, 0, 32), Buffer.alloc(32, 1)]);

  for (const layer of ['hbone', 'istio-mtls'] as const) {
    it(`a corrupt record ends the acceptor's connection (${layer})`, async () => {
      const [accepted] = await Promise.all([accept(pair.server, { layer }), dial(pair.client, { layer })]);
      const ended = closed(accepted.socket);
      accepted.socket.resume();
      pair.client.write(corrupt);
      assert.match((await ended) ?? '', /^ERR_SSL_/);
    });

    it(`a corrupt record ends the dialler's connection (${layer})`, async () => {
      const [, dialled] = await Promise.all([accept(pair.server, { layer }), dial(pair.client, { layer })]);
      const ended = closed(dialled.socket);
      dialled.socket.resume();
      pair.server.write(corrupt);
      assert.match((await ended) ?? '', /^ERR_SSL_/);
    });
  }

  it('a client of TLS 1.2 gets no second handshake, however often it asks', async () => {
    const own = authority.leaf(pod);
    const accepting = accept(pair.server, { layer: 'istio-mtls' });
    const client = connect({
      socket: pair.client,
      rejectUnauthorized: false,
      key: own.key,
      cert: own.chain,
      ALPNProtocols: ['h2'],
      maxVersion: 'TLSv1.2',
    });
    const [{ socket }] = await Promise.all([accepting, once(client, 'secureConnect')]);
    // The last word of a handshake; Node says 'secure' of a refused one too.
    const finished = socket.getFinished();
    const ended = closed(socket);
    socket.resume();
    const refusal = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    for (let i = 0; i < 5; i++) client.renegotiate({ rejectUnauthorized: false }, () => undefined);
    assert.equal((await refusal).code, 'ERR_SSL_NO_RENEGOTIATION');
    assert.deepEqual(socket.getFinished(), finished);
    client.destroy();
    await ended;
  });

  it('a server of TLS 1.2 gets no second handshake of a dialler', async () => {
    const own = authority.leaf(gateway);
    const server = new TLSSocket(pair.server, {
      isServer: true,
      key: own.key,
      cert: own.chain,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      maxVersion: 'TLSv1.2',
      minVersion: 'TLSv1.2',
    });
    server.on('error', () => undefined);
    const { socket } = await dial(pair.client, { layer: 'istio-mtls' });
    const finished = server.getFinished();
    socket.resume();
    const refusal = once(server, '_tlsError') as Promise<[NodeJS.ErrnoException]>;
    server.renegotiate({ rejectUnauthorized: false }, () => undefined);
    assert.equal((await refusal)[0].code, 'ERR_SSL_NO_RENEGOTIATION');
    assert.deepEqual(server.getFinished(), finished);
  });
});

describe('mesh/tls under HTTP/2, over sockets that may be half open', () => {
  it('a client that is refused after its own handshake fails, and does not wait for settings', async () => {
    const { client, server } = await socketPair();
    const accepting = refused(accept(server));
    const { stream } = await dial(client, { by: twin });
    await assert.rejects(nodeHttp2(systemClock).client(stream, 5000), {
      code: 'SESSION_FAILED',
    });
    assert.equal((await accepting).refusal?.reason, 'UNKNOWN_ISSUER');
  });

  it('a session ends when its peer has gone without a word', async () => {
    const { client, server } = await socketPair();
    const [accepted, dialled] = await Promise.all([accept(server), dial(client)]);
    nodeHttp2(systemClock).server(accepted.stream, () => undefined);
    const session = await nodeHttp2(systemClock).client(dialled.stream, 5000);
    const closed = new Promise<void>((resolve) => session.onClose(() => resolve()));
    // What the kernel does for a process that was killed.
    accepted.socket.destroy();
    await closed;
    assert.equal(session.usable, false);
  });

  it('one direction of Istio mTLS may end before the other', async () => {
    const { client, server } = await socketPair();
    const [accepted, dialled] = await Promise.all([
      accept(server, { layer: 'istio-mtls' }),
      dial(client, { layer: 'istio-mtls' }),
    ]);
    dialled.socket.end('question');
    let question = '';
    for await (const chunk of accepted.socket) question += String(chunk);
    accepted.socket.end('answer');
    let answer = '';
    for await (const chunk of dialled.socket) answer += String(chunk);
    assert.deepEqual([question, answer], ['question', 'answer']);
  });
});

describe('mesh/tls resumption', () => {
  for (const [layer, maxVersion] of [
    ['hbone', 'TLSv1.3'],
    ['istio-mtls', 'TLSv1.2'],
  ] as const)
    it(`a session that a client brings back is not resumed (${maxVersion})`, async () => {
      const own = authority.leaf(pod);
      const once_ = async (session?: Buffer) => {
        const { client, server } = await socketPair();
        const accepting = accept(server, { layer });
        const sessions: Buffer[] = [];
        const socket = connect({
          socket: client,
          rejectUnauthorized: false,
          key: own.key,
          cert: own.chain,
          maxVersion,
          ALPNProtocols: ['h2'],
          ...(session && { session }),
        });
        socket.on('session', (one: Buffer) => sessions.push(one));
        socket.on('error', () => undefined);
        const { socket: accepted } = await accepting;
        // Whatever tickets there are have arrived when an answer has.
        accepted.write('x');
        await once(socket, 'data');
        const reused = [socket.isSessionReused(), accepted.isSessionReused()];
        const last = sessions.at(-1) ?? socket.getSession();
        client.destroy();
        server.destroy();
        return { reused, last };
      };
      const first = await once_();
      const second = await once_(first.last);
      assert.deepEqual(
        [first.reused, second.reused],
        [
          [false, false],
          [false, false],
        ],
      );
    });
});
