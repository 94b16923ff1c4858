import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { holdName, type HeldName } from './held-name.ts';

/** `$XDG_STATE_HOME/isthmus`, where the CLI looks for running instances. */
export function stateHome(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'isthmus');
}

export interface StateDir {
  readonly dir: string;
  /** Held for as long as the instance runs: by it others know, and `isthmus` finds what is running. */
  readonly lock: HeldName;
}

/**
 * An empty private folder for this run, named after the instance: `sandbox`, or `sandbox-2`… while others run.
 * What an earlier run left there (logs, mostly) is removed now and not at its end, so that it can be read after it.
 */
export async function freshStateDir(home: string, name = 'sandbox'): Promise<StateDir> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (let count = 1; ; count++) {
    const dir = join(realpathSync(home), count === 1 ? name : `${name}-${count}`);
    const lock = await holdName(lockName(dir));
    if (!lock) continue;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { mode: 0o700 });
    return { dir, lock };
  }
}

/** A path may be longer than the name of a socket may. */
const lockName = (dir: string): string =>
  `isthmus-instance-${createHash('sha256').update(dir).digest('hex').slice(0, 32)}`;
