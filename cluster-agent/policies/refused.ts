import type { Condition } from '@isthmus/api/domain/condition.ts';
import { list } from '../health/conditions.ts';
import type { TranslateInput } from '../translate/input.ts';

/** A resource that proxies have refused. */
export interface Refusal {
  /** `<namespace>/<name>` of their pods. */
  readonly proxies: readonly string[];
  readonly reason: string;
}

const shownAtMost = 10;

/**
 * Policies of the cluster that proxies refuse, by the names that proxies have for them: at most ten, and how many more.
 * The hub's policies are reported by their state instead.
 */
export function refusedPolicyConditions(
  refusals: ReadonlyMap<string, Refusal>,
  { hub, view }: Pick<TranslateInput, 'hub' | 'view'>,
): readonly Condition[] {
  const ofHub = new Set([...hub.policies.values()].map(({ authorization }) => authorization.key));
  const own = [...refusals].filter(([key]) => !ofHub.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = own.slice(0, shownAtMost).map(([key, { proxies, reason }]) => {
    const isWritten = view.byId(`AuthorizationPolicy/${key}`) !== undefined;
    const message = `${proxies.length === 1 ? 'a proxy refuses' : `${proxies.length} proxies refuse`} ${isWritten ? 'it' : `policy ${key}`}: ${reason}; in its place the version before holds, or a refusal of what it may deny, at ${list(proxies)}`;
    return condition(isWritten ? `AuthorizationPolicy ${key}` : '', message);
  });
  const rest = own.slice(shownAtMost);
  if (rest.length === 0) return shown;
  const names = list(rest.map(([key]) => key));
  return [...shown, condition('', `proxies refuse ${rest.length} more policies: ${names}`)];
}

const condition = (object: string, message: string): Condition => ({
  type: 'PolicyAcknowledged',
  status: 'False',
  reason: 'POLICY_REFUSED',
  severity: 'ERROR',
  object,
  message,
  remedy: 'upgrade the proxies if they are older than the agent; otherwise report the refusal as a defect',
});
