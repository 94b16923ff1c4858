import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';

const version1 = '/sys/fs/cgroup/cpu';
const version2 = '/sys/fs/cgroup';
const [quota, period] = ['50000', '100000'];

/** How an attacker's process is kept from taking more than its part of the machine, and how to clean up after it. */
export interface Confined {
  readonly how: string;
  readonly release: () => void;
}

/** Half a core in a cgroup of its own where cgroups can be written; otherwise the lowest priority. */
export function confine(pid: number): Confined {
  for (const enter of [enterVersion1, enterVersion2])
    try {
      const folder = enter(pid);
      if (folder !== undefined) return { how: 'half a core (cgroup)', release: () => leave(folder) };
    } catch {
      // Not writable here: the next way.
    }
  setPriority(pid, 19);
  return { how: 'nice 19', release: () => undefined };
}

function enterVersion1(pid: number): string | undefined {
  if (!existsSync(join(version1, 'cpu.cfs_quota_us'))) return undefined;
  return enter(version1, pid, { 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': quota });
}

function enterVersion2(pid: number): string | undefined {
  const controls = join(version2, 'cgroup.subtree_control');
  if (!existsSync(controls) || !readFileSync(controls, 'utf8').split(/\s+/).includes('cpu')) return undefined;
  return enter(version2, pid, { 'cpu.max': `${quota} ${period}` });
}

function enter(parent: string, pid: number, limits: Readonly<Record<string, string>>): string {
  const folder = join(parent, `isthmus-attack-${pid}`);
  mkdirSync(folder);
  try {
    for (const [name, value] of Object.entries(limits)) writeFileSync(join(folder, name), value);
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    return folder;
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
}

/** A group whose process has just ended may not be empty yet. */
function leave(folder: string, tries = 20): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (tries === 0) throw error;
    setTimeout(() => leave(folder, tries - 1), 50);
  }
}
