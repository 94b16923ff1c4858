import type { Condition, Severity } from '@isthmus/api/domain/condition.ts';
import { explain } from './explain.ts';
import type { Cause, Problem } from './judge.ts';
import type { PodKey } from '../keys/names.ts';
import { isOwn, type OfCause, type Problems } from './problems.ts';
import type { Finding } from './tracker.ts';

/** Names in one message, and conditions of one cause; what is left out is counted. */
const shownAtMost = 10;

const types: Readonly<Record<Cause, string>> = {
  NO_ADDRESS: 'Addressed',
  MODE_UNKNOWN: 'ModeKnown',
  NODE_UNKNOWN: 'NodeKnown',
  PROXY_MISSING: 'ProxyConnected',
  PROXY_NOT_CONNECTED: 'ProxyConnected',
  WORKLOAD_NOT_ACKNOWLEDGED: 'WorkloadAcknowledged',
  WORKLOAD_REFUSED: 'WorkloadAcknowledged',
  CERTIFICATE_MISSING: 'CertificateValid',
  CERTIFICATE_EXPIRED: 'CertificateValid',
  CERTIFICATE_REVOKED: 'CertificateValid',
  CERTIFICATE_NOT_HELD: 'CertificateValid',
  NOT_READY: 'GatewayReady',
};

const causes = Object.keys(types) as readonly Cause[];

/**
 * What keeps pods of the cluster from being healthy, gathered by what has to be repaired: one condition for a node
 * without its ztunnel, not one for each pod there. That an application is not ready is its own affair and has none,
 * unless it is a gateway. In order of causes and names; costs as much as it shows. `now` is monotonic.
 */
export const healthConditions = (problems: Problems, now: number): readonly Condition[] => [
  ...causes.flatMap((cause) => {
    const all = problems.of(cause, now);
    return all ? conditionsOf(all, problems) : [];
  }),
  ...staleConditions(problems),
];

interface Gathered {
  readonly problem: Problem;
  readonly first: Finding;
  /** Sorted. */
  readonly pods: readonly PodKey[];
}

function conditionsOf(all: OfCause, problems: Problems): readonly Condition[] {
  const gathered = all.objects.slice(0, 2 * shownAtMost).flatMap((object): Gathered[] => {
    const pods = all.pods(object);
    const first = pods[0] && problems.finding(pods[0]);
    const problem = first?.verdict.problem;
    return first && problem ? [{ problem, first, pods }] : [];
  });
  const shown = gathered.slice(0, shownAtMost);
  const conditions = shown.map(conditionOf);
  if (all.objects.length <= shownAtMost) return conditions;
  const count = all.count - shown.reduce((sum, { pods }) => sum + pods.length, 0);
  const rest = { objects: all.objects.length - shownAtMost, pods: count };
  return [...conditions, restOf(gathered.slice(shownAtMost), rest)];
}

function conditionOf({ problem, first, pods }: Gathered): Condition {
  const { cause, remedy } = explain(problem, first.pod, first.part);
  const onlyItself = pods.length === 1 && isOwn(problem, first.pod);
  const severalSidecars = pods.length > 1 && isOwn(problem, first.pod);
  const message = severalSidecars
    ? `${pods.length} sidecars are affected, those of ${list(pods)}; the first: ${cause}`
    : onlyItself
      ? `${cause}: it is not healthy`
      : `${cause}: ${pods.length === 1 ? 'one pod is' : `${pods.length} pods are`} not healthy: ${list(pods)}`;
  return {
    type: first.part === 'GATEWAY' ? 'GatewayReady' : types[problem.cause],
    status: 'False',
    reason: problem.cause,
    severity: 'ERROR',
    object: severalSidecars ? '' : problem.object,
    message,
    remedy,
  };
}

/** As many objects as have no condition of their own, by the first of them. */
function restOf(
  some: readonly Gathered[],
  { objects, pods }: { readonly objects: number; readonly pods: number },
): Condition {
  const cause = some[0]?.problem.cause ?? 'NOT_READY';
  const names = listOf(
    some.map(({ problem }) => problem.object),
    objects,
  );
  return {
    type: types[cause],
    status: 'False',
    reason: cause,
    severity: 'ERROR',
    object: '',
    message: `the same holds for ${objects} more: ${names}; ${pods} pods there are not healthy`,
    remedy: 'repair the objects with this reason that are listed first; isthmus workloads lists every pod',
  };
}

/** Values that hold without proof. */
function staleConditions(problems: Problems): readonly Condition[] {
  const proxies = problems.stale('PROXY');
  const certificates = problems.stale('CERTIFICATE');
  return [
    ...staleCondition(proxies, {
      type: 'ProxyConnected',
      reason: 'PROXY_STALE',
      severity: 'WARNING',
      message: `many proxies lost their streams at once, or the agent has started: of ${counted(proxies)} the last known health holds for 30 s`,
      remedy: 'wait until the proxies are back; if this stays, check that they reach the agent on port 15012',
    }),
    ...staleCondition(certificates, {
      type: 'CertificateValid',
      reason: 'CERTIFICATE_UNRECORDED',
      severity: 'INFO',
      message: `the agent has no record of the certificates of ${counted(certificates)}, which were issued before the record began; they count as valid until they had to be renewed`,
      remedy: 'none is needed: a renewal records them, within a day; restart the proxies to have it at once',
    }),
  ];
}

const staleCondition = (
  pods: readonly string[],
  condition: { type: string; reason: string; severity: Severity; message: string; remedy: string },
): readonly Condition[] => (pods.length === 0 ? [] : [{ ...condition, status: 'False', object: '' }]);

const counted = (pods: readonly string[]): string =>
  `${pods.length === 1 ? 'one pod' : `${pods.length} pods`} (${list(pods)})`;

/** The first ten as they are shown, and how many more there are. */
export const list = <T extends string>(names: readonly T[], show: (name: T) => string = String): string =>
  listOf(names.slice(0, shownAtMost).map(show), names.length);

/** The first names of so many: ten are shown. */
function listOf(first: readonly string[], count: number): string {
  const shown = first.slice(0, shownAtMost).join(', ');
  return count <= shownAtMost ? shown : `${shown} and ${count - shownAtMost} more`;
}
