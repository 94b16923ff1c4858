import type { Condition, Severity } from '@isthmus/api/domain/condition.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { explain } from './explain.ts';
import type { Cause, Problem } from './judge.ts';
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

/** What a pod that starts goes through: it is missed only when it stays. */
const onTheWayUp: ReadonlySet<Cause> = new Set([
  'PROXY_NOT_CONNECTED',
  'WORKLOAD_NOT_ACKNOWLEDGED',
  'CERTIFICATE_MISSING',
  'CERTIFICATE_NOT_HELD',
]);

/**
 * What keeps pods of the cluster from being healthy, gathered by what has to be repaired: one condition for a node
 * without its ztunnel, not one for each pod there. That an application is not ready is its own affair and has none,
 * unless it is a gateway. `now` is monotonic.
 */
export function healthConditions(findings: readonly Finding[], now: number): readonly Condition[] {
  const problems = new Map<string, Gathered>();
  for (const finding of findings) {
    const { problem } = finding.verdict;
    if (!problem || !isShown(problem, finding, now)) continue;
    const key = `${problem.cause} ${isOwn(problem, finding.pod) && finding.part === 'SIDECAR' ? '' : problem.object}`;
    const gathered = problems.get(key) ?? { problem, first: finding, pods: [] };
    gathered.pods.push(nameOf(finding.pod));
    problems.set(key, gathered);
  }
  return [...capped([...problems.values()]), ...staleConditions(findings)];
}

/** When the next pod on its way up is missed, monotonic, if nothing changes; Infinity when none is. */
export const nextShown = (findings: readonly Finding[], now: number): number =>
  findings.reduce(
    (next, { startingUntil }) => (startingUntil > now ? Math.min(next, startingUntil) : next),
    Infinity,
  );

interface Gathered {
  readonly problem: Problem;
  readonly first: Finding;
  readonly pods: string[];
}

function isShown({ cause }: Problem, { part, startingUntil }: Finding, now: number): boolean {
  // Pods and services without an address have a condition of the address block.
  if (cause === 'NO_ADDRESS') return false;
  if (cause === 'NOT_READY') return part === 'GATEWAY';
  return !onTheWayUp.has(cause) || startingUntil <= now;
}

const isOwn = ({ object }: Problem, pod: PodObject): boolean => object === `Pod ${nameOf(pod)}`;

const nameOf = ({ metadata: { namespace, name } }: PodObject): string => `${namespace}/${name}`;

function capped(all: readonly Gathered[]): readonly Condition[] {
  const byCause = new Map<Cause, Gathered[]>();
  for (const one of all) byCause.set(one.problem.cause, [...(byCause.get(one.problem.cause) ?? []), one]);
  return [...byCause.values()].flatMap((alike) => {
    const shown = alike.slice(0, shownAtMost).map(conditionOf);
    const rest = alike.slice(shownAtMost);
    return rest.length === 0 ? shown : [...shown, restOf(rest)];
  });
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

/** As many objects as have no condition of their own. */
function restOf(rest: readonly Gathered[]): Condition {
  const [first] = rest;
  const cause = first?.problem.cause ?? 'NOT_READY';
  const pods = rest.flatMap((one) => one.pods);
  return {
    type: types[cause],
    status: 'False',
    reason: cause,
    severity: 'ERROR',
    object: '',
    message: `the same holds for ${rest.length} more: ${list(rest.map(({ problem }) => problem.object))}; ${pods.length} pods there are not healthy`,
    remedy: 'repair the objects with this reason that are listed first; isthmus workloads lists every pod',
  };
}

/** Values that hold without proof. */
function staleConditions(findings: readonly Finding[]): readonly Condition[] {
  const stale = (why: 'PROXY' | 'CERTIFICATE') =>
    findings.flatMap(({ pod, verdict }) => (!verdict.problem && verdict.stale === why ? [nameOf(pod)] : []));
  const proxies = stale('PROXY');
  const certificates = stale('CERTIFICATE');
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
export function list<T extends string>(names: readonly T[], show: (name: T) => string = String): string {
  const shown = names.slice(0, shownAtMost).map(show).join(', ');
  return names.length <= shownAtMost ? shown : `${shown} and ${names.length - shownAtMost} more`;
}
