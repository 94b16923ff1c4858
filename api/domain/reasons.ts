import type { Condition, Severity } from './condition.ts';

/**
 * How grave the conditions are that agents report, by reason, the gravest first. An agent says what is so; how grave that
 * is, is the federation's to say, so that no member chooses what stands first among the findings of all.
 */
const severitiesOf: Readonly<Record<string, readonly [Severity, ...Severity[]]>> = {
  NO_ADDRESS: ['ERROR'],
  MODE_UNKNOWN: ['ERROR'],
  NODE_UNKNOWN: ['ERROR'],
  PROXY_MISSING: ['ERROR'],
  PROXY_NOT_CONNECTED: ['ERROR'],
  WORKLOAD_NOT_ACKNOWLEDGED: ['ERROR'],
  WORKLOAD_REFUSED: ['ERROR'],
  CERTIFICATE_MISSING: ['ERROR'],
  CERTIFICATE_EXPIRED: ['ERROR'],
  CERTIFICATE_REVOKED: ['ERROR'],
  CERTIFICATE_NOT_HELD: ['ERROR'],
  NOT_READY: ['ERROR'],
  NOT_CAPTURED: ['WARNING'],
  GATEWAY_MISSING: ['ERROR'],
  GATEWAY_UNAVAILABLE: ['ERROR'],
  MANIFESTS_REJECTED: ['ERROR'],
  BLOCK_FULL: ['ERROR'],
  REMOTE_SHARE_FULL: ['ERROR'],
  PORT_NOT_CAPTURABLE: ['ERROR'],
  POLICY_REFUSED: ['ERROR'],
  TOKENS_NOT_REVIEWED: ['ERROR'],
  API_SERVER_UNAVAILABLE: ['ERROR'],
  KIND_FORBIDDEN: ['ERROR'],
  PORT_MISSING: ['ERROR', 'WARNING'],
  STATE_NOT_KEPT: ['WARNING'],
  STATE_NOT_SAVED: ['ERROR'],
  LEASE_NOT_RENEWED: ['ERROR'],
  STATE_NOT_TAKEN: ['ERROR'],
  ADDRESSES_NOT_KEPT: ['WARNING'],
  MANIFESTS_PARTLY_APPLIED: ['WARNING'],
  FILE_WATCH_LOST: ['WARNING'],
  OBJECTS_WITHOUT_NAME: ['WARNING'],
  PROXY_STALE: ['WARNING'],
  EXPORT_WITHOUT_SERVICE: ['WARNING'],
  WRITE_FORBIDDEN: ['WARNING'],
  WRITE_FAILED: ['WARNING'],
  GATEWAY_WITHOUT_PODS: ['WARNING'],
  ENTRY_HOST_TAKEN: ['WARNING'],
  SELECTOR_IGNORED: ['WARNING'],
  SAYS_NOTHING: ['WARNING'],
  DENIES_NOTHING: ['WARNING'],
  DENIES_EVERYTHING: ['WARNING'],
  SHADOWED: ['WARNING'],
  OUTSIDE_THE_MESH: ['WARNING'],
  SELECTS_NOTHING: ['WARNING', 'INFO'],
  SHARED_BY_WEIGHT: ['INFO'],
  CERTIFICATE_UNRECORDED: ['INFO'],
  CONDITIONS_OMITTED: ['ERROR', 'WARNING', 'INFO'],
};

export const isKnownReason = (reason: string): boolean => Object.hasOwn(severitiesOf, reason);

/**
 * A reported condition with a severity that its reason has: the one that is reported, or the gravest. A reason that is not
 * known here, as of a newer agent, is at most a warning.
 */
export function judged(condition: Condition): Condition {
  const { reason, severity } = condition;
  const known = isKnownReason(reason) ? severitiesOf[reason] : undefined;
  if (!known) return severity === 'ERROR' ? { ...condition, severity: 'WARNING' } : condition;
  return known.includes(severity) ? condition : { ...condition, severity: known[0] };
}
