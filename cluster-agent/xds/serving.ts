import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { certificatePem, day, issueRoot, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { seal, unseal, type Sealing } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { StateFile } from '../state/state-file.ts';

/**
 * Key and certificate of the listener at 15012, under a root of its own that proxies pin (`xds-root.pem`). That is no
 * root of the mesh, as the agent must serve before its intermediate is active. `names`: addresses and host names at which
 * it is called. Made again when it is called by another one.
 */
export function servingIdentity(
  stateDir: string,
  names: readonly string[],
  { clock, provider, random, log }: Sealing & { readonly clock: Clock; readonly log: Log },
): KeyPair {
  const file = new StateFile(join(stateDir, 'xds-serving.json'), log);
  const known = file.read(isSealedPair);
  const pem = join(stateDir, 'xds-root.pem');
  if (known && names.every((name) => isFor(known, name))) {
    // A crash between the two files, or a manual edit, may have left another root in the one that proxies read.
    const root = rootOf(known);
    if (!existsSync(pem) || readText(pem) !== root) writeWhole(pem, root);
    return { key: unseal(known.sealedKey, purpose, provider), chain: known.chain };
  }
  const rootKey = generateKey();
  const lifetime = 3650 * day;
  const root = issueRoot(`xds ${names[0] ?? ''}`, rootKey, { now: clock.now(), lifetime }, random);
  const key = generateKey();
  const leaf = issueTlsServer(
    names,
    key.publicKey,
    { certificate: root, privateKey: rootKey.privateKey },
    { now: clock.now(), lifetime },
    random,
  );
  const pair = { key: privateKeyPem(key.privateKey), chain: certificatePem(leaf) + certificatePem(root) };
  file.write({ sealedKey: seal(pair.key, purpose, provider, random), chain: pair.chain });
  writeWhole(pem, certificatePem(root));
  return pair;
}

/** The last certificate of the chain, as PEM. */
export const rootOf = ({ chain }: Pick<SealedPair, 'chain'>): string =>
  chain.slice(chain.lastIndexOf('-----BEGIN CERTIFICATE'));

const purpose = 'serving key';

interface SealedPair {
  readonly sealedKey: string;
  readonly chain: string;
}

const isSealedPair = (value: unknown): value is SealedPair => {
  const { sealedKey, chain } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof SealedPair, unknown>
  >;
  return (
    typeof sealedKey === 'string' && typeof chain === 'string' && chain.startsWith('-----BEGIN CERTIFICATE')
  );
};

function isFor({ chain }: SealedPair, address: string): boolean {
  const leaf = new X509Certificate(chain);
  return (isIP(address) === 0 ? leaf.checkHost(address) : leaf.checkIP(address)) !== undefined;
}
