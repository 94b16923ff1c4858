import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, rmdirSync, rmSync, writeSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own in memory, which a test can fill. Only root can mount one. */
export class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), 'isthmus-disk-'));

  /** For the state folder of a program. */
  get folder(): string {
    const folder = join(this.path, 'state');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Undefined where it cannot be mounted, after the reason was printed. */
  static mount(kibibytes: number): SmallDisk | undefined {
    const disk = new SmallDisk();
    const options = ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=700`, 'tmpfs', disk.path];
    const { status, stderr, error } = spawnSync('mount', options, { encoding: 'utf8' });
    if (status === 0) return disk;
    rmdirSync(disk.path);
    const why = error ? error.message : stderr.trim();
    console.warn(
      `      DID NOT RUN: a file system of a few megabytes cannot be mounted (run as root): ${why}`,
    );
    return undefined;
  }

  /** Not one byte more can be written. */
  fill(): void {
    const file = openSync(join(this.path, 'filler'), 'a');
    try {
      for (const size of [65_536, 4096, 1]) this.#write(file, Buffer.alloc(size));
    } finally {
      closeSync(file);
    }
  }

  /** Makes room again. */
  free(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.path]);
    rmdirSync(this.path);
  }

  #write(file: number, block: Buffer): void {
    try {
      for (;;) if (writeSync(file, block) < block.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
