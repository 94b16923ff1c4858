import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SandboxError } from '../sandbox-error.ts';
import { fileError } from '@isthmus/mesh/process/file-error.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { holdName, type HeldName } from './held-name.ts';

/** `$XDG_STATE_HOME/isthmus`, where the CLI looks for running instances. */
export function stateHome(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'isthmus');
}

export interface StateDir {
  readonly name: string;
  readonly dir: string;
  /** Held for as long as the instance runs: by it others know, and `isthmus` finds what is running. */
  readonly lock: HeldName;
  /** Of an earlier run that is gone on with: its addresses, 127.<octet>.0.0/16. Undefined: the folder is empty. */
  readonly octet: number | undefined;
}

export interface InstanceOptions {
  /** This one and no other. Undefined: `sandbox`, or `sandbox-2`… while others run. */
  readonly instance?: string | undefined;
  /** Nothing of an earlier run is kept. */
  readonly fresh: boolean;
}

/** What belongs to one run: read by others as long as it runs, or by people after it. */
const ofOneRun = ['endpoint.json', 'shop-port', 'hub/endpoint.json', 'logs'] as const;
const instanceFile = 'instance.json';

/**
 * The private folder of an instance. What an earlier run left there is gone on with: edited manifests, the hub's store,
 * identities and addresses; but not its logs, which could be read until now. Throws INSTANCE_RUNS and FOLDER_UNUSABLE.
 */
export async function openStateDir(home: string, { instance, fresh }: InstanceOptions): Promise<StateDir> {
  makeFolder(home);
  for (let count = 1; ; count++) {
    const name = instance ?? (count === 1 ? 'sandbox' : `sandbox-${count}`);
    const dir = join(realpathSync(home), name);
    const lock = await holdName(lockName(dir));
    if (!lock && instance !== undefined)
      throw new SandboxError(
        'INSTANCE_RUNS',
        `instance '${name}' is running already: stop it first, or give another name with --instance`,
      );
    if (!lock) continue;
    try {
      return { name, dir, lock, octet: prepare(dir, fresh) };
    } catch (error) {
      lock.release();
      throw error;
    }
  }
}

/** The folder for a run, and the addresses that it goes on with. */
function prepare(dir: string, fresh: boolean): number | undefined {
  const octet = fresh ? undefined : octetOf(dir);
  if (octet === undefined) rmSync(dir, { recursive: true, force: true });
  else for (const one of ofOneRun) rmSync(join(dir, one), { recursive: true, force: true });
  makeFolder(dir);
  return octet;
}

/** From now on the folder can be gone on with. */
export const keepOctet = (dir: string, octet: number): void =>
  writeWhole(join(dir, instanceFile), JSON.stringify({ octet }));

function octetOf(dir: string): number | undefined {
  const file = join(dir, instanceFile);
  if (!existsSync(file)) return undefined;
  try {
    const { octet } = JSON.parse(readFileSync(file, 'utf8')) as { octet?: unknown };
    if (Number.isInteger(octet) && (octet as number) > 0 && (octet as number) < 255) return octet as number;
  } catch {
    // As any other file that says no octet.
  }
  throw new SandboxError(
    'INSTANCE_DAMAGED',
    `${file} has no addresses, so this instance cannot be continued: start over with --fresh, which removes ${dir}`,
  );
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw fileError('FOLDER_UNUSABLE', dir, 'used as state folder (XDG_STATE_HOME)', cause);
  }
}

/** A path may be longer than the name of a socket may. */
const lockName = (dir: string): string =>
  `isthmus-instance-${createHash('sha256').update(dir).digest('hex').slice(0, 32)}`;
