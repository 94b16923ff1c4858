import assert from 'node:assert/strict';

/** What something does in a world of some size: a count, never a time. */
export interface Work {
  /** To bring a peer up to date that has nothing. */
  readonly firstSync: number;
  /** To follow one change. */
  readonly change: number;
}

/** How much more there may be to do in a world of twice the size. */
const most: Work = { firstSync: 2.2, change: 1.3 };

/** Asserts that the work of a first sync is linear in the size of the world, and that of a change does not depend on it. */
export function assertScales(workIn: (size: number) => Work, size: number): void {
  const [once, twice] = [workIn(size), workIn(2 * size)];
  for (const part of ['firstSync', 'change'] as const) {
    assert.ok(once[part] > 0, `${part}: nothing was counted in a world of ${size}`);
    const ratio = twice[part] / once[part];
    assert.ok(
      ratio <= most[part],
      `${part}: ${once[part]} in a world of ${size}, ${twice[part]} in one of ${2 * size}: ${ratio.toFixed(2)} times as much, more than ${most[part]}`,
    );
  }
}
