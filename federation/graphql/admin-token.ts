import { existsSync, readFileSync } from 'node:fs';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

/** The first administrator's token: 256 random bits in a 0600 file, made at the first start. Only its path is told. */
export function adminToken(path: string, random: Random): string {
  if (!existsSync(path)) writeWhole(path, `${random.bytes(32).toString('base64url')}\n`);
  return readFileSync(path, 'utf8').trim();
}
