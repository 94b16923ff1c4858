import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { makeAuthority, socketPair, tableOf } from './authority.ts';
import { acceptTls, dialTls } from './tls-on-sockets.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();

/** Both ends of one real mTLS connection, nothing said on it yet. */
export async function connected(): Promise<{ dialled: TLSSocket; accepted: TLSSocket }> {
  const { client, server } = await socketPair();
  const common = {
    clock: systemClock,
    timeoutMillis: 5000,
    alpn: ['h2'],
    layer: 'hbone' as const,
    table: tableOf(authority),
  };
  const [accepted, dialled] = await Promise.all([
    acceptTls(server, { ...common, credentials: authority.leaf(identity) }),
    dialTls(client, {
      ...common,
      credentials: authority.leaf(identity),
      expect: expectNames(identity),
      cluster: 'east',
    }),
  ]);
  return { dialled: dialled.socket, accepted: accepted.socket };
}

export const never = new AbortController().signal;

/** A stream's end as its owner sees it: the error's code, or 'clean'. */
export const endOf = (stream: Duplex): Promise<string> =>
  new Promise((resolve) => {
    let code = 'clean';
    stream.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    stream.once('close', () => resolve(code));
    stream.resume();
  });
