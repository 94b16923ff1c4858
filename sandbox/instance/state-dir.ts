import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_STATE_HOME/isthmus`, where the CLI looks for running instances. */
export function stateHome(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'isthmus');
}

/**
 * An empty private folder for this run, named after the instance: `sandbox`, or `sandbox-2`… while others run.
 * What an earlier run left there (logs, mostly) is removed now and not at its end, so that it can be read after it.
 */
export function freshStateDir(home: string, name = 'sandbox'): string {
  for (let count = 1; ; count++) {
    const dir = join(home, count === 1 ? name : `${name}-${count}`);
    if (inUse(dir)) continue;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, 'pid'), String(process.pid));
    return dir;
  }
}

function inUse(dir: string): boolean {
  const file = join(dir, 'pid');
  if (!existsSync(file)) return false;
  return isSandbox(Number(readFileSync(file, 'utf8')));
}

/** A pid may have been given to another program since: only one whose command is a sandbox counts. */
function isSandbox(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sandbox/main.ts');
  } catch {
    return false;
  }
}

/** A reader sees the old file or the new one, never half of one. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}
