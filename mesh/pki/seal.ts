import { createCipheriv, createDecipheriv } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { CodedError } from '../process/coded-error.ts';
import type { Random } from '../process/random.ts';

/** Where the key that seals other keys comes from: a file first, a key service later. Losing it loses what it sealed. */
export interface KeyProvider {
  /** 32 bytes. */
  sealingKey(): Buffer;
}

/** A 0600 file of 32 random bytes, made at first use. */
export function fileKeyProvider(path: string, random: Random): KeyProvider {
  return {
    sealingKey() {
      if (!existsSync(path)) {
        writeFileSync(`${path}.new`, random.bytes(32), { mode: 0o600 });
        renameSync(`${path}.new`, path);
      }
      return readFileSync(path);
    },
  };
}

/** AES-256-GCM; `purpose` is bound in, so that what was sealed as one thing cannot be opened as another. */
export function seal(text: string, purpose: string, provider: KeyProvider, random: Random): string {
  const nonce = random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', provider.sealingKey(), nonce).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Throws UNSEAL_FAILED when it was sealed with another key, for another purpose, or was changed. */
export function unseal(sealed: string, purpose: string, provider: KeyProvider): string {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', provider.sealingKey(), bytes.subarray(1, 13));
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(13, 29));
    return Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new CodedError('UNSEAL_FAILED', `${purpose} cannot be unsealed: was the sealing key replaced?`, { cause });
  }
}
