import { createCipheriv, createDecipheriv } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { MeshError } from '../process/mesh-error.ts';
import type { Random } from '../process/random.ts';
import { readBytes } from '../process/read-text.ts';
import { writeWhole } from '../process/write-whole.ts';

/** Where the key that seals other keys comes from: a file first, a key service later. Losing it loses what it sealed. */
export interface KeyProvider {
  /** 32 bytes. */
  sealingKey(): Buffer;
}

/** What is needed to seal. */
export interface Sealing {
  readonly provider: KeyProvider;
  readonly random: Random;
}

const keyBytes = 32;
const tagBytes = 16;
/** The first byte of what is sealed: how it was sealed. */
const version = 1;

/** A 0600 file of 32 random bytes, made at first use. Throws SEALING_KEY when it is not that. */
export function fileKeyProvider(path: string, random: Random): KeyProvider {
  return {
    sealingKey() {
      if (!existsSync(path)) writeWhole(path, random.bytes(keyBytes));
      if ((statSync(path).mode & 0o077) !== 0)
        throw new MeshError(
          'SEALING_KEY',
          `${path} can be read by others: chmod 600 it, and replace what it sealed`,
        );
      const key = readBytes(path);
      if (key.length === keyBytes) return key;
      throw new MeshError(
        'SEALING_KEY',
        `${path} has ${key.length} bytes, not ${keyBytes}: restore it from a backup`,
      );
    },
  };
}

/**
 * A new sealing key opens nothing that an earlier one has sealed, so none is made beside such things. Throws SEALING_KEY
 * when `path` is missing and `sealed` names what it has sealed.
 */
export function requireSealingKey(path: string, sealed: readonly string[]): void {
  if (sealed.length === 0 || existsSync(path)) return;
  throw new MeshError(
    'SEALING_KEY',
    `${path} is missing, and ${sealed.join(', ')} cannot be opened without it: restore it from a backup`,
  );
}

/** AES-256-GCM; `purpose` is bound in, so that what was sealed as one thing cannot be opened as another. */
export function seal(text: string, purpose: string, provider: KeyProvider, random: Random): string {
  const nonce = random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', provider.sealingKey(), nonce, {
    authTagLength: tagBytes,
  }).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Throws UNSEAL_FAILED when it was sealed with another key, for another purpose, or was changed. */
export function unseal(sealed: string, purpose: string, provider: KeyProvider): string {
  const bytes = Buffer.from(sealed, 'base64');
  const key = provider.sealingKey();
  try {
    if (bytes[0] !== version) throw new Error(`version ${bytes[0]} is not known`);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(13, 29));
    return Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new MeshError('UNSEAL_FAILED', `${purpose} cannot be unsealed: was the sealing key replaced?`, {
      cause,
    });
  }
}
