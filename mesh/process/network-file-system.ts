import { statfsSync } from 'node:fs';

/** Numbers that the kernel has for kinds of file systems, of linux/magic.h and of their own sources. */
const kinds: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
]);

/**
 * The kind of a file system whose locks may not hold between machines, and on which SQLite warns of lost data; undefined for
 * others. `kindOf`: the type of statfs(2).
 */
export function networkFileSystem(
  folder: string,
  kindOf = (path: string): number => statfsSync(path).type,
): string | undefined {
  return kinds.get(kindOf(folder) >>> 0);
}
