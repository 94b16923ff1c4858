import { acceptWhole } from '@isthmus/mesh/tls/accept-whole.ts';
import type { Layer, Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { Context } from '../engine/context.ts';
import type { Newcomer } from './newcomer.ts';

const handshakeMillis = 10_000;
const alpnOf: Readonly<Record<Layer, string>> = {
  hbone: 'h2',
  outer: 'h2',
  inner: 'h2',
  'istio-mtls': 'istio',
};

/**
 * The handshake of an accepted connection, in which this side shows `identity`. Undefined when a limit has ended the
 * connection meanwhile. Rejects with TLS_REFUSED, and when no certificate of the identity comes.
 */
export async function acceptNewcomer(
  context: Context,
  newcomer: Newcomer,
  identity: string,
  layer: Layer,
): Promise<Secured | undefined> {
  const { table, clock } = context;
  const credentials = await context.credentials.get(identity, newcomer.gone);
  const alpn = [alpnOf[layer]];
  const options = { credentials, table, clock, alpn, layer, timeoutMillis: handshakeMillis };
  const secured = await acceptWhole(newcomer.socket, options, () => newcomer.begun());
  return newcomer.seat() ? secured : undefined;
}
