import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls, type Secured } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from './authority.ts';
import { settled } from './turns.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';

/** Both ends of a TLS connection of the mesh over loopback. */
export async function securedPair(
  layer: 'hbone' | 'istio-mtls',
): Promise<{ readonly dialled: Secured; readonly accepted: Secured }> {
  const authority = makeAuthority();
  const { client, server } = await socketPair();
  // As those who accept and dial do: what comes after TLS has gone comes to the socket below.
  for (const socket of [client, server]) socket.on('error', () => undefined);
  const options = {
    clock: systemClock,
    timeoutMillis: 5000,
    alpn: [layer === 'hbone' ? 'h2' : 'istio'],
    layer,
    table: tableOf(authority),
    credentials: authority.leaf(identity),
  };
  const [accepted, dialled] = await Promise.all([
    acceptTls(server, options),
    dialTls(client, { ...options, expect: expectNames(identity), cluster: 'east' }),
  ]);
  // The server's session tickets are on their way. Where their write meets a reset, Node's TLS loses it.
  await settled();
  return { accepted, dialled };
}
