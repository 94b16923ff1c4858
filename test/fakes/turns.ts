/** Resolves in the next turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Mocha's own limit for a test is longer (.mocharc.json). */
const maxMillis = 60_000;

/**
 * Resolves after a hundred turns of the event loop, in which what both ends of a loopback connection of this process
 * have begun comes to its end: the kernel passes bytes on at once, so this takes no time but that of the work itself.
 */
export async function settled(): Promise<void> {
  for (let i = 0; i < 100; i++) await turn();
}

/** Resolves once `count` gives the same before and after a hundred turns of the event loop. */
export async function standsStill(count: () => number): Promise<void> {
  const isLate = after(maxMillis);
  for (let last = NaN; last !== count();) {
    if (isLate()) throw new Error(`the count does not stand still within ${maxMillis} ms: it is ${last}`);
    last = count();
    await settled();
  }
}

/** Resolves in the first turn of the event loop in which the condition holds. */
export async function holds(condition: () => boolean): Promise<void> {
  const isLate = after(maxMillis);
  while (!condition()) {
    if (isLate()) throw new Error(`the condition does not hold within ${maxMillis} ms: ${String(condition)}`);
    await turn();
  }
}

/** Whether so much time has passed. A wait that went on after its test has failed would take the processor from others. */
function after(millis: number): () => boolean {
  const end = performance.now() + millis;
  return () => performance.now() > end;
}
