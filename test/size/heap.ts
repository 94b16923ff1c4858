import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much more memory a world of twice the size may take. */
const most = 2.2;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes on the heap that something keeps, above what the process had before. */
function keptBy(make: () => unknown): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = make();
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  assert.ok(kept !== undefined);
  return bytes;
}

/** Asserts that the heap is linear in the size of the world. The first world is not counted: it loads what all share. */
export function assertHeapScales(make: (size: number) => unknown, size: number): void {
  make(size);
  const [once, twice] = [keptBy(() => make(size)), keptBy(() => make(2 * size))];
  assert.ok(once > 0, `nothing is kept of a world of ${size}`);
  const ratio = twice / once;
  assert.ok(
    ratio <= most,
    `${once} bytes of heap in a world of ${size}, ${twice} in one of ${2 * size}: ${ratio.toFixed(2)} times as much, more than ${most}`,
  );
}
