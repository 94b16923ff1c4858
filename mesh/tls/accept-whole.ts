import type { Socket } from 'node:net';
import { Turns } from '../process/turns.ts';
import { helloLimit, type FirstBytes } from './client-hello.ts';
import { acceptTls, TlsRefused, type AcceptOptions, type Secured } from './handshake.ts';
import { peekHello } from './peek-hello.ts';

const problems: Readonly<Record<Exclude<FirstBytes['kind'], 'hello'>, string>> = {
  'need-more': 'the peer closed the connection during its client hello',
  'not-tls': 'the connection does not begin with a TLS client hello',
  'too-large': `the client hello has more than ${helloLimit} bytes`,
};

/** A handshake's first step takes a millisecond: connections that are known already are served between eight of them. */
const turns = new Turns(8);

/**
 * `acceptTls` for peers of whom nothing is known: its state is made when the whole client hello has come, as it takes
 * 70 KB a connection from the first byte on, where a socket takes 13 KB, and its turn has come. How long is waited is the caller's to limit, by
 * destroying the socket. `begun` is called when that state is about to be made.
 */
export async function acceptWhole(
  socket: Socket,
  options: AcceptOptions,
  begun: () => void = () => undefined,
): Promise<Secured> {
  socket.on('error', () => undefined);
  const { first, bytes } = await peekHello(socket, options.clock, {});
  if (first.kind === 'hello') {
    await turns.next();
    if (!socket.destroyed) {
      begun();
      return acceptTls(socket, options);
    }
  }
  socket.destroy();
  const left = bytes.length === 0 || first.kind === 'hello';
  throw new TlsRefused(
    options.layer,
    left ? 'the peer closed the connection during the handshake' : problems[first.kind],
  );
}
