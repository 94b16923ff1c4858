import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { credentials, experimental, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import type { Certificates } from './certificates.ts';

/**
 * How a client knows its server: by roots, and by the host that it dials, name or address. A server's name may not be
 * an IP address (RFC 6066 3), so for one another name is sent, and the address is compared all the same.
 */
export interface ServerTrust {
  readonly credentials: ChannelCredentials;
  /** To be added to the channel's own. */
  readonly options: ChannelOptions;
}

/** The client shows no certificate. `roots`: PEM. */
export const trustServer = (host: string, roots: string): ServerTrust => ({
  credentials: credentials.createFromSecureContext(
    createSecureContext({ ca: roots, minVersion: 'TLSv1.3' }),
    verifyHost(host),
  ),
  options: nameFor(host),
});

/** The client shows its own certificate; both it and the CA may be replaced while the channel lives. */
export const trustMutually = (host: string, certificates: Certificates): ServerTrust => ({
  credentials: experimental.createCertificateProviderChannelCredentials(
    certificates,
    certificates,
    verifyHost(host),
  ),
  options: nameFor(host),
});

/**
 * The same for a peer that is known by what its certificate says, whatever the host: `fault` says why it is refused, by its
 * DER. That the CA has issued it is verified before.
 */
export const trustPeer = (
  host: string,
  certificates: Certificates,
  fault: (raw: Buffer) => string | undefined,
): ServerTrust => ({
  credentials: experimental.createCertificateProviderChannelCredentials(certificates, certificates, {
    checkServerIdentity(_name: string, { raw }: PeerCertificate) {
      const why = fault(raw);
      return why === undefined ? undefined : new Error(why);
    },
  }),
  options: nameFor(host),
});

const verifyHost = (host: string) => ({
  checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
    checkServerIdentity(host, certificate),
});

const nameFor = (host: string): ChannelOptions =>
  isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': 'address.invalid' };
