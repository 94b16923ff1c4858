import { createSecureContext, type SecureContext } from 'node:tls';
import { constants } from 'node:crypto';

/** A key and its certificates, in PEM: the leaf, then its intermediate. Never logged. */
export interface Credentials {
  readonly identity: string;
  readonly key: string;
  readonly chain: string;
}

export type Protocol = 'hbone' | 'istio-mtls';

const contexts = new WeakMap<Credentials, Map<Protocol, SecureContext>>();

/**
 * The TLS context of some credentials, made once. There is no CA in it: who the peer is is judged by the table of
 * issuers after the handshake, and a union of roots would prove nothing. Tickets are off, so no session is resumed;
 * those that a TLS 1.3 server of OpenSSL sends all the same are ended by `openssl.cnf`.
 */
export function secureContext(credentials: Credentials, protocol: Protocol): SecureContext {
  const known = contexts.get(credentials) ?? new Map<Protocol, SecureContext>();
  contexts.set(credentials, known);
  const made = known.get(protocol) ?? create(credentials, protocol);
  known.set(protocol, made);
  return made;
}

function create({ key, chain }: Credentials, protocol: Protocol): SecureContext {
  return createSecureContext({
    key,
    cert: chain,
    minVersion: protocol === 'hbone' ? 'TLSv1.3' : 'TLSv1.2',
    ciphers:
      'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256',
    // TLS 1.2 would let a peer have as many further handshakes as it likes on one connection (RFC 5246 7.4.1.1), and
    // what Node has against that works in a tls.Server only. No mesh renegotiates.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  });
}
