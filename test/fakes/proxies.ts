import type { HeldCertificate } from '@isthmus/api/domain/proxy-report.ts';
import type { ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import type { Certificates, Proxies } from '@isthmus/cluster-agent/health/judge.ts';
import type { Issued } from '@isthmus/cluster-agent/health/issued-certificates.ts';

/** What a test says of one proxy; what it leaves out is as it is with one that is well. */
interface Said {
  readonly contact?: 'CONNECTED' | 'HELD' | 'STALE' | 'AWAY';
  readonly acknowledged?: 'YES' | 'NO' | { readonly refused: string };
  readonly returned?: boolean;
  /** The certificate that it reports, whatever the identity. */
  readonly shown?: HeldCertificate;
}

/** Proxies by id. `proven`: pod uid to the proxy that last proved to serve it. */
export const proxiesOf = (
  said: Readonly<Record<string, Said>>,
  proven: Readonly<Record<string, string>> = {},
): Proxies => ({
  contact: (id) => (said[id] ? (said[id].contact ?? 'CONNECTED') : 'AWAY'),
  held(id) {
    const contact = said[id]?.contact;
    return contact === 'HELD' || contact === 'STALE' ? contact : undefined;
  },
  acknowledged: (id) => said[id]?.acknowledged ?? 'YES',
  returned: (id) => said[id]?.returned ?? false,
  shown: (id) => said[id]?.shown,
  lastProvenBy: (uid) => proven[uid] as ClientId | undefined,
});

/** Certificates by `<proxy's pod uid> <identity>`; every other one is issued by k1 until the year 2100. */
export const certificatesOf = (
  said: Readonly<Record<string, Issued | null>> = {},
  { since = 0, revoked = [] as readonly string[] } = {},
): Certificates => ({
  issued: {
    since,
    of(proxyUid, identity) {
      const known = said[`${proxyUid} ${identity}`];
      if (known === null) return undefined;
      return known ?? { notAfter: Date.UTC(2100, 0), issuer: 'k1' };
    },
  },
  isRevoked: (issuer) => revoked.includes(issuer),
});
