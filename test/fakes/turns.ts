/** Resolves in the next turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Resolves after a hundred turns of the event loop, in which what both ends of a loopback connection of this process
 * have begun comes to its end: the kernel passes bytes on at once, so this takes no time but that of the work itself.
 */
export async function settled(): Promise<void> {
  for (let i = 0; i < 100; i++) await turn();
}

/** Resolves once `count` gives the same before and after a hundred turns of the event loop. */
export async function standsStill(count: () => number): Promise<void> {
  for (let last = NaN; last !== count();) {
    last = count();
    await settled();
  }
}

/** Resolves in the first turn of the event loop in which the condition holds. */
export async function holds(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}
