import { acceptWhole } from '@isthmus/mesh/tls/node/accept-whole.ts';
import type { Layer, Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Newcomer } from './newcomer.ts';
import type { CredentialStore } from './credentials.ts';

const handshakeMillis = 10_000;
const alpnOf: Readonly<Record<Layer, string>> = {
  hbone: 'h2',
  outer: 'h2',
  inner: 'h2',
  'istio-mtls': 'istio',
};

export interface AcceptDeps {
  readonly clock: Clock;
  readonly table: IssuerTable;
  readonly credentials: CredentialStore;
}

/**
 * The handshake of an accepted connection, in which this side shows `identity`. Undefined when a limit has ended the
 * connection meanwhile. Rejects with TLS_REFUSED, and when no certificate of the identity comes.
 */
export async function acceptNewcomer(
  deps: AcceptDeps,
  newcomer: Newcomer,
  identity: string,
  layer: Layer,
): Promise<Secured | undefined> {
  const { table, clock } = deps;
  const credentials = await deps.credentials.get(identity, newcomer.gone);
  const alpn = [alpnOf[layer]];
  const options = { credentials, table, clock, alpn, layer, timeoutMillis: handshakeMillis };
  const { connection, address } = newcomer;
  const secured = await acceptWhole(connection, address, options, () => newcomer.begun());
  return newcomer.seat() ? secured : undefined;
}
