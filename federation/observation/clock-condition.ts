import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterRecord } from './cluster-record.ts';

/** Beyond it a clock is wrong; below it is the time that a report may take. Milliseconds. */
const tolerated = 30_000;
/** Certificates are dated back by this: beyond it, a new one is not valid yet at a clock that is behind. */
const backdated = 60_000;

/** The agent's wall clock differs from the hub's. Which of the two is wrong is not known. */
export function clockConditions(record: ClusterRecord | undefined): readonly Condition[] {
  const skew = record?.clockSkewMillis ?? 0;
  const off = Math.abs(skew);
  if (off <= tolerated) return [];
  const isGrave = off > backdated;
  return [
    {
      type: 'ClockInSync',
      status: 'False',
      reason: 'CLOCK_SKEWED',
      severity: isGrave ? 'ERROR' : 'WARNING',
      object: '',
      message: `the clock of the cluster's agent is ${Math.round(off / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} the hub's: ${
        isGrave
          ? 'new certificates may count as not valid yet, and expired ones as valid'
          : 'beyond 60 s, certificates are refused'
      }`,
      remedy: "synchronise the clocks of the hub's and the cluster's machines (NTP)",
    },
  ];
}
