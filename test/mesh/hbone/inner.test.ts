import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { openInner } from '@isthmus/mesh/hbone/tunnel.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import type { ServerSession } from '@isthmus/mesh/http2/session.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { onDuplex } from '../../fakes/duplex-sessions.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { endOf, never } from '../../fakes/http2-ends.ts';
import { acceptTls, duplexOf } from '../../fakes/tls-on-sockets.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();
const layer = 'inner' as const;
const tls = { clock: systemClock, timeoutMillis: 5000, alpn: ['h2'], layer, table: tableOf(authority) };
const request = { authority: '10.0.0.1:8080', headers: {} };

/** An outer stream that can be jammed: then nothing that was written is taken, and nothing arrives. */
class Outer extends Duplex {
  readonly #socket: Socket;
  #jammed = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#jammed || this.push(chunk)).on('end', () => this.push(null));
    socket.on('error', () => undefined);
  }

  jam(): void {
    this.#jammed = true;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: () => void): void {
    if (!this.#jammed) this.#socket.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    if (!this.#jammed) this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}

/** The clock of the client stands still: nothing ends because a timer fired. */
async function inner() {
  const { client, server } = await socketPair();
  const arrived = acceptTls(server, { ...tls, credentials: authority.leaf(identity) }).then(
    ({ socket }) =>
      new Promise<{ answer: Duplex; session: ServerSession }>((resolve) => {
        const session = onDuplex(nodeHttp2(systemClock)).server(socket, (incoming) =>
          resolve({ answer: incoming.accept({}).on('error', () => undefined), session }),
        );
      }),
  );
  const outer = new Outer(client);
  const options = {
    ...tls,
    credentials: authority.leaf(identity),
    expect: expectNames(identity),
    cluster: 'east',
  };
  const http2 = nodeHttp2(new FakeClock());
  const { stream } = await openInner(new NodeStream(outer), http2, options, request, never);
  return { stream: duplexOf(stream), outer, ...(await arrived) };
}

describe('the inner half of a double tunnel', () => {
  it('gives up the outer stream at once when it is reset here, whatever still waits in it', async () => {
    const { stream, answer, outer, session } = await inner();
    answer.write('part of a download');
    await once(stream, 'readable');
    outer.jam();
    stream.destroy();
    await once(outer, 'close');
    session.destroy();
  });

  it('gives up the outer stream at once when the destination resets it', async () => {
    const { stream, answer, outer } = await inner();
    const [end, closed] = [endOf(stream), once(outer, 'close')];
    stream.once('error', () => outer.jam());
    answer.destroy();
    assert.equal(await end, 'STREAM_RESET');
    await closed;
  });

  it('ends the session well, with all that was sent, when it has ended well', async () => {
    const { stream, answer, outer } = await inner();
    const [ends, closed] = [Promise.all([endOf(stream), endOf(answer)]), once(outer, 'close')];
    stream.end('that is all');
    answer.end('and that');
    assert.deepEqual(await ends, ['clean', 'clean']);
    await closed;
  });
});
