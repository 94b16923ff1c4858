import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { makeAuthority, socketPair, tableOf } from './authority.ts';
import { acceptTls, dialTls, type SecuredSocket } from './tls-on-sockets.ts';
import { settled } from './turns.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';

/** Both ends of a TLS connection of the mesh over loopback. */
export async function securedPair(
  layer: 'hbone' | 'istio-mtls',
): Promise<{ readonly dialled: SecuredSocket; readonly accepted: SecuredSocket }> {
  const authority = makeAuthority();
  const { client, server } = await socketPair();
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
