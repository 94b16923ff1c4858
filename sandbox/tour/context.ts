import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Sandbox } from '../up.ts';
import type { Traffic } from '../traffic.ts';
import type { Finding } from './table.ts';

/** What each step of the tour has in hand. */
export interface Tour {
  readonly sandbox: Sandbox;
  readonly traffic: Traffic;
  readonly clock: Clock;
  /** Deadlines are multiplied by this on slow machines: ISTHMUS_TIME_SCALE. */
  readonly timeScale: number;
}

/** Records findings of one step. */
export interface Report {
  /** A fact: `ok` says whether what was seen is what was expected. */
  expect(expected: string, seen: string, ok: boolean): void;
  /** A deadline: measured against bound, both in milliseconds; the bound is scaled. */
  within(what: string, measured: number, bound: number): void;
}

export interface Step {
  readonly title: string;
  run(tour: Tour, report: Report): Promise<void>;
}

export function reporter(
  step: string,
  timeScale: number,
  findings: Finding[],
  say: (line: string) => void,
): Report {
  const add = (finding: Finding) => {
    findings.push(finding);
    say(`  ${finding.ok ? 'ok    ' : 'FAILED'} ${finding.expected}: ${finding.seen}`);
  };
  return {
    expect: (expected, seen, ok) => add({ step, expected, seen, ok }),
    within: (what, measured, bound) =>
      add({
        step,
        expected: `${what} within ${bound * timeScale} ms`,
        seen: `${Math.round(measured)} ms`,
        ok: measured <= bound * timeScale,
      }),
  };
}
