import { timeScaleOf } from '@isthmus/mesh/process/time-scale.ts';
import { renderTable, type Finding } from '@isthmus/sandbox/tour/table.ts';

const timeScale = timeScaleOf(process.env);

/** What was measured beside its bound, in the order in which it happened; printed at the end as one table. */
export class Measured {
  readonly #findings: Finding[] = [];

  /** Milliseconds. Throws when it is over, after it is written down. */
  within(step: string, what: string, millis: number, bound: number): void {
    const ok = millis <= bound * timeScale;
    this.#findings.push({
      step,
      expected: `${what} within ${bound * timeScale} ms`,
      seen: `${Math.round(millis)} ms`,
      ok,
    });
    if (!ok) throw new Error(`${what} took ${Math.round(millis)} ms, more than ${bound * timeScale} ms`);
  }

  table(): string {
    return renderTable(this.#findings);
  }
}

/** Asks again until the answer is no longer undefined; how long that took, milliseconds. `limit`: milliseconds. */
export async function until<T>(
  what: string,
  limit: number,
  ask: () => Promise<T | undefined>,
): Promise<{ readonly value: T; readonly millis: number }> {
  const began = performance.now();
  let why = '';
  for (;;) {
    why = '';
    const value = await ask().catch((error: unknown) => {
      const { message, cause } = error as Error;
      why = `: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`;
      return undefined;
    });
    const millis = performance.now() - began;
    if (value !== undefined) return { value, millis };
    if (millis > limit * timeScale) throw new Error(`${what} is not so after ${limit * timeScale} ms${why}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
