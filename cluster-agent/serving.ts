import { X509Certificate } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { certificatePem, day, issueRoot, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { StateFile } from './state-file.ts';

/**
 * Key and certificate of the door to proxies, under a root of its own that proxies pin (`xds-root.pem`). It is no
 * root of the mesh: the agent must be able to open before its intermediate is active. Made anew when the door has
 * moved to another address.
 */
export function servingIdentity(
  stateDir: string,
  address: string,
  { clock, random, log }: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): KeyPair {
  const file = new StateFile(join(stateDir, 'xds-serving.json'), log);
  const known = file.read(isKeyPair);
  if (known && isFor(known, address)) return known;
  const rootKey = generateKey();
  const lifetime = 3650 * day;
  const root = issueRoot(`xds ${address}`, rootKey, { now: clock.now(), lifetime }, random);
  const key = generateKey();
  const leaf = issueTlsServer(
    [address],
    key.publicKey,
    { certificate: root, privateKey: rootKey.privateKey },
    { now: clock.now(), lifetime },
    random,
  );
  const identity = { key: privateKeyPem(key.privateKey), chain: certificatePem(leaf) + certificatePem(root) };
  const pem = join(stateDir, 'xds-root.pem');
  writeFileSync(`${pem}.new`, certificatePem(root));
  renameSync(`${pem}.new`, pem);
  file.write(identity);
  return identity;
}

const isKeyPair = (value: unknown): value is KeyPair => {
  const { key, chain } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof KeyPair, unknown>
  >;
  return typeof key === 'string' && typeof chain === 'string' && chain.startsWith('-----BEGIN CERTIFICATE');
};

function isFor({ chain }: KeyPair, address: string): boolean {
  const leaf = new X509Certificate(chain);
  return (isIP(address) === 0 ? leaf.checkHost(address) : leaf.checkIP(address)) !== undefined;
}
