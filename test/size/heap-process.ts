import { join } from 'node:path';

// Prints the bytes of heap that a world keeps, above what this process has without one. Run with --expose-gc.
const [, , module = '', size = ''] = process.argv;
const { make } = (await import(join(import.meta.dirname, module))) as { make: (size: number) => unknown };

const heap = (): number => {
  gc?.();
  gc?.();
  return process.memoryUsage().heapUsed;
};

// The first world is not counted: it loads what all share.
make(Number(size));
const before = heap();
const kept = make(Number(size));
const after = heap();
if (kept !== undefined) process.stdout.write(String(after - before));
