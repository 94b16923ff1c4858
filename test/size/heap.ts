import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** How much more memory a world of twice the size may take. */
const max = 2.2;

/** Bytes on the heap that a world of a size keeps, in a process of its own: here other tests leave and free memory. */
function keptBy(module: string, size: number): number {
  const program = join(import.meta.dirname, 'heap-process.ts');
  const output = execFileSync(process.execPath, ['--expose-gc', program, module, String(size)], {
    encoding: 'utf8',
  });
  return Number(output);
}

/** Asserts that the heap is linear in the size of the world. `module` is a file here that exports `make(size)`. */
export function assertHeapScales(module: string, size: number): void {
  const [once, twice] = [keptBy(module, size), keptBy(module, 2 * size)];
  assert.ok(once > 0, `nothing is kept of a world of ${size}`);
  const ratio = twice / once;
  assert.ok(
    ratio <= max,
    `${once} bytes of heap in a world of ${size}, ${twice} in one of ${2 * size}: ${ratio.toFixed(2)} times as much, more than ${max}`,
  );
}
