import { createHash, type X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { X509Certificate as Certificate } from 'node:crypto';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { AgentError } from '../agent-error.ts';

/** Where to dial, from which local address, and for how long. */
export interface Dial {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  /** Until the handshake is done, however slowly bytes come. */
  readonly timeoutMillis: number;
}

/**
 * Fetches the hub's link CA from the chain that its join listener sends, and gives it only if its hash is the one
 * that the token pins. Nothing but the handshake is spoken on this connection: the call that carries the secret
 * goes over another, verified against the CA found here. Throws CA_NOT_PINNED or HUB_UNREACHABLE.
 */
export function fetchPinnedCa(dial: Dial, caHash: string, clock: Clock): Promise<X509Certificate> {
  const { host, port, localAddress, timeoutMillis } = dial;
  return new Promise((resolve, reject) => {
    const to = { host, port, localAddress, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
    const socket = connect(to);
    const timer = clock.after(timeoutMillis, () =>
      socket.destroy(new Error(`no answer within ${timeoutMillis} ms`)),
    );
    socket.once('close', () => timer.cancel());
    socket.once('error', (cause: Error) => reject(unreachable(dial, cause)));
    socket.once('secureConnect', () => {
      const pinned = chainOf(socket).find((certificate) => hashOf(certificate) === caHash);
      socket.destroy();
      if (pinned) resolve(pinned);
      else reject(new AgentError('CA_NOT_PINNED', notPinned(dial)));
    });
  });
}

export const hashOf = (certificate: X509Certificate): string =>
  createHash('sha256').update(certificate.raw).digest('hex');

function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let next = socket.getPeerCertificate(true) as DetailedPeerCertificate | undefined;
  while (next && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    chain.push(new Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

const notPinned = ({ host, port }: Dial) =>
  `${host}:${port} did not present the CA that the join token pins: the address belongs to another hub, or someone ` +
  'stands between; ask for a new token and check the address in it';

const unreachable = ({ host, port }: Dial, cause: Error) =>
  new AgentError('HUB_UNREACHABLE', `no TLS connection to the hub at ${host}:${port}: ${cause.message}`, {
    cause,
  });
