import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { parseTrustDomain, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import {
  certificatePem,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  keyIdOf,
  type Issuer,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Sealing } from '@isthmus/mesh/pki/seal.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

/** For what keeps keys at rest in tests. */
export const aSealing: Sealing = {
  provider: { sealingKey: () => Buffer.alloc(32, 7) },
  random: systemRandom,
};

/** A trust domain with a real root and one real intermediate per cluster, for tests. */
export interface Authority {
  readonly trustDomain: TrustDomain;
  readonly root: X509Certificate;
  readonly rootIssuer: Issuer;
  readonly keyId: string;
  readonly intermediate: Issuer;
  /** Adds root and intermediate to a verifier's table. */
  teach(table: IssuerTable, revoked?: boolean, namespaces?: readonly string[]): void;
  leaf(identity: string, options?: { now?: number; lifetime?: number }): Credentials;
}

export function makeAuthority(domain = 'cluster.local', cluster = 'east', now = Date.now()): Authority {
  const parsed = parseTrustDomain(domain);
  if (!parsed.ok) throw new Error(parsed.error);
  const trustDomain = parsed.value;
  const rootKey = generateKey();
  const root = issueRoot(`${domain} root`, rootKey, { now }, systemRandom);
  const key = generateKey();
  const rootIssuer = { certificate: root, privateKey: rootKey.privateKey };
  const certificate = issueIntermediate(
    `${cluster} ${domain}`,
    key.publicKey,
    rootIssuer,
    { now },
    systemRandom,
  );
  const intermediate = { certificate, privateKey: key.privateKey };
  const keyId = keyIdOf(key.publicKey).toString('hex');
  return {
    trustDomain,
    root,
    rootIssuer,
    keyId,
    intermediate,
    teach(table, revoked = false, namespaces) {
      table.upsertBundle({ trustDomain, roots: [root], sequence: 1 });
      table.upsertIntermediate({ keyId, trustDomain, cluster, certificate, revoked, namespaces });
    },
    leaf(identity, options = {}) {
      const own = generateKey();
      const leaf = issueLeaf(identity, own.publicKey, intermediate, { now, ...options }, systemRandom);
      return {
        identity,
        key: privateKeyPem(own.privateKey),
        chain: certificatePem(leaf) + certificatePem(certificate),
      };
    },
  };
}

export function tableOf(...authorities: readonly Authority[]): IssuerTable {
  const table = new IssuerTable();
  for (const authority of authorities) authority.teach(table);
  return table;
}

/** A pair of connected TCP sockets on loopback. */
export async function socketPair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(client, 'connect');
  const server = await accepted;
  listener.close();
  return { client, server };
}
