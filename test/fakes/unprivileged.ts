import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `nobody`: a user whom file modes stop. */
const nobody = 65_534;

/**
 * Runs as a user whom file modes stop, also where the tests run as root: the folder and what is in it become that user's
 * for the time, as an agent's own folders are.
 */
export async function unprivileged(dir: string, run: () => void | Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return run();
  for (const path of [dir, ...readdirSync(dir).map((name) => join(dir, name))])
    chownSync(path, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    await run();
  } finally {
    process.seteuid?.(0);
  }
}
