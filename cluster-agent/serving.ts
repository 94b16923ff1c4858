import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { certificatePem, day, issueRoot, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';

/**
 * Key and certificate of the door to proxies, under a root of its own that proxies pin (`xds-root.pem`). It is no
 * root of the mesh: the agent must be able to open before its intermediate is active.
 */
export function servingIdentity(stateDir: string, address: string, clock: Clock, random: Random): KeyPair {
  const file = join(stateDir, 'xds-serving.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as KeyPair;
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
  writeFileSync(`${file}.new`, JSON.stringify(identity), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  writeFileSync(join(stateDir, 'xds-root.pem'), certificatePem(root));
  return identity;
}
