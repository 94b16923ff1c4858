import { join } from 'node:path';

// Prints the bytes of heap that a world keeps, above what this process has without one. Run with --expose-gc.
const [, , module = '', size = ''] = process.argv;
const { make } = (await import(join(import.meta.dirname, module))) as { make: (size: number) => unknown };

/** Once collecting finds nothing more: what the last turn of the event loop used, or was compiled meanwhile, goes later. */
async function heap(): Promise<number> {
  for (let last = Infinity; ;) {
    await new Promise(setImmediate);
    gc?.();
    const { heapUsed } = process.memoryUsage();
    if (Math.abs(last - heapUsed) < 4096) return heapUsed;
    last = heapUsed;
  }
}

const made = (): unknown => make(Number(size));

// The first world is not counted: it loads what all share.
made();
const before = await heap();
const kept = made();
const after = await heap();
if (kept !== undefined) process.stdout.write(String(after - before));
