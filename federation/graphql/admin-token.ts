import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Random } from '@isthmus/mesh/process/random.ts';

/** The first administrator's token: 256 random bits in a 0600 file, made at the first start. Only its path is told. */
export function adminToken(path: string, random: Random): string {
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, `${random.bytes(32).toString('base64url')}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return readFileSync(path, 'utf8').trim();
}
