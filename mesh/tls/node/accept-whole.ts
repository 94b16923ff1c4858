import type { ByteStream } from '../../net/byte-stream.ts';
import { Turns } from '../../process/turns.ts';
import { helloLimit, type FirstBytes } from '../client-hello.ts';
import { TlsRefused, type AcceptOptions, type Secured } from '../handshake.ts';
import { peekHello } from '../peek-hello.ts';
import { acceptTls } from './node-tls.ts';

const problems: Readonly<Record<Exclude<FirstBytes['kind'], 'hello'>, string>> = {
  'need-more': 'the peer closed the connection during its client hello',
  'not-tls': 'the connection does not begin with a TLS client hello',
  'too-large': `the client hello has more than ${helloLimit} bytes`,
};

/** A handshake's first step takes a millisecond: connections that are known already are served between eight of them. */
const turns = new Turns(8);

/**
 * `acceptTls` for peers that are not known yet. It makes TLS state (70 KB a connection, where a socket takes 13 KB) only
 * when the whole client hello has arrived and the connection's turn has come, among those of its `address`. The caller
 * limits the wait by closing the connection. `begun` is called just before that state is made.
 */
export async function acceptWhole(
  raw: ByteStream,
  address: string,
  options: AcceptOptions,
  begun: () => void = () => undefined,
): Promise<Secured> {
  const { first, bytes } = await peekHello(raw, options.clock, {});
  if (first.kind === 'hello') {
    await turns.next(address);
    if (!raw.closed) {
      begun();
      return acceptTls(raw, options);
    }
  }
  raw.close();
  const left = bytes.length === 0 || first.kind === 'hello';
  throw new TlsRefused(
    options.layer,
    left ? 'the peer closed the connection during the handshake' : problems[first.kind],
  );
}
