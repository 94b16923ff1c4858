import { readdirSync, readlinkSync } from 'node:fs';

/** The inodes of all sockets that these processes have open, as the kernel's socket tables name them. */
export function socketInodes(pids: readonly number[]): ReadonlySet<string> {
  return new Set(pids.flatMap(inodesOf));
}

/** None of a process that has just gone. */
function inodesOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  const list = attempt(() => readdirSync(folder)) ?? [];
  return list.flatMap((fd) => {
    const target = attempt(() => readlinkSync(`${folder}/${fd}`)) ?? '';
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    return inode === undefined ? [] : [inode];
  });
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
