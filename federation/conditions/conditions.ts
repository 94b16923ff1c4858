import { formatSubject } from '@isthmus/api/domain/names.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { unacknowledgedBy, validUntil } from '../trust/activation.ts';
import { reportConditions } from './report-conditions.ts';
import { duplicateConditions } from './duplicate-condition.ts';
import { clockConditions } from '../observation/clock-condition.ts';
import { waitsAt } from '../state/waits.ts';
import type { Now } from '../state/now.ts';

/** What is to be known of a cluster: what its agent reports, and what the hub sees. */
export const conditionsOf = (snapshot: Now, cluster: string): readonly Condition[] => [
  ...(snapshot.observed.get(cluster)?.conditions ?? []),
  ...refusals(snapshot, cluster),
  ...ofReports(snapshot, cluster),
  ...renewals(snapshot, cluster),
  ...clockConditions(snapshot.observed.get(cluster)),
  ...duplicateConditions(snapshot.observed.get(cluster)),
];

function ofReports(snapshot: Now, cluster: string): readonly Condition[] {
  const record = snapshot.observed.get(cluster);
  return record ? reportConditions(snapshot, record) : [];
}

const max = 10;

function refusals({ observed }: Now, cluster: string): readonly Condition[] {
  const refused = [...(observed.get(cluster)?.refused ?? [])];
  if (refused.length === 0) return [];
  const shown = refused.slice(0, max).map(([what, { reason }]) => `${what}: ${reason}`);
  const more = refused.length > max ? [`${refused.length - max} more`] : [];
  const message = `the agent rejected these resources of the hub and keeps their previous versions: ${[...shown, ...more].join('; ')}`;
  const remedy =
    "upgrade the cluster's agent if it is older than the hub; otherwise report the refusal as a defect";
  return [
    {
      type: 'Synced',
      status: 'False',
      reason: 'DIRECTIVE_REFUSED',
      severity: 'ERROR',
      object: '',
      message,
      remedy,
    },
  ];
}

/** A renewal that waits is no problem yet: it has half of the old one's life for it. */
function renewals(snapshot: Now, cluster: string): readonly Condition[] {
  const next = [...snapshot.intent.intermediates.values()].find(
    ({ value }) => value.cluster === cluster && !value.activated && !value.revoked,
  );
  const waiting = next ? unacknowledgedBy(next.value, snapshot).map(({ name }) => name) : [];
  if (waiting.length === 0) return [];
  const until = validUntil(cluster, snapshot);
  const left =
    until === undefined
      ? 'until then this cluster issues no certificates'
      : `the one in use ends on ${new Date(until).toISOString()}`;
  const waits = waitsAt(snapshot, waiting, [formatSubject('intermediate', next?.id ?? '')]);
  const message = `a new intermediate is not in use yet: waiting for ${waits.join(', ')} to acknowledge it; ${left}`;
  const remedy = `check the agents and proxies of ${waiting.join(', ')}, or revoke a cluster that does not come back`;
  const severity = until === undefined ? 'ERROR' : 'WARNING';
  return [
    {
      type: 'IntermediateActive',
      status: 'False',
      reason: 'AWAITING_ACKNOWLEDGEMENT',
      severity,
      object: '',
      message,
      remedy,
    },
  ];
}
