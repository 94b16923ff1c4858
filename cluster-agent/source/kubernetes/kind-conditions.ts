import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Known, Trouble } from '@isthmus/api/kube/reflection.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';

/** How it stands with the reading of one kind. */
export interface KindState {
  readonly resource: Resource;
  readonly known: Known;
  /** `since`: monotonic milliseconds. */
  readonly trouble: (Trouble & { readonly since: number }) | undefined;
  /** Objects that were refused as they have no name. */
  readonly unnamed: number;
  /** Nothing is served before it has been listed. */
  readonly isNeeded: boolean;
}

/**
 * So many times in a row the server refuses a list (403) before the agent goes on without the kind: 3 to 6 s, as a server
 * that starts refuses what it has not yet read a role for.
 */
const maxRefusals = 6;

/** Whether nothing is served before this kind has been listed: not for one that is not needed and that the role forbids. */
export const isAwaited = ({ known, trouble, isNeeded }: KindState): boolean =>
  known === 'UNKNOWN' &&
  (isNeeded || trouble?.failure.code !== 'API_FORBIDDEN' || trouble.times < maxRefusals);

/** What lasts no longer than this is no condition: a call that fails is repeated after a fifth of a second. */
export const graceMillis = 5000;

/** What is degraded in reading the kinds: a verb that a role lacks for each kind, and otherwise one for the API server. */
export function kindConditions(states: readonly KindState[], now: number): readonly Condition[] {
  const forbidden = states.filter(({ trouble }) => trouble?.failure.code === 'API_FORBIDDEN');
  const failing = states.filter(
    ({ trouble }) =>
      trouble && trouble.failure.code !== 'API_FORBIDDEN' && now - trouble.since >= graceMillis,
  );
  return [
    ...forbidden.map(forbiddenCondition),
    ...(failing.length > 0 ? [unavailable(failing)] : []),
    ...states.filter(({ unnamed }) => unnamed > 0).map(unnamedCondition),
  ];
}

function forbiddenCondition(state: KindState): Condition {
  const {
    resource: { kind, plural, group },
    trouble,
  } = state;
  return {
    type: 'ClusterRead',
    status: 'False',
    reason: 'KIND_FORBIDDEN',
    severity: 'ERROR',
    object: '',
    message: `${kind} objects are not read: ${trouble?.failure.message ?? ''}. ${consequence([state])}`,
    remedy: `give the ClusterRole of the agent the verbs list and watch on ${plural}${group === '' ? '' : ` of the group ${group}`}, as the chart does`,
  };
}

/** One condition for all kinds, with the failure of the first: a server that is away fails all of them alike. */
function unavailable(states: readonly KindState[]): Condition {
  const kinds = states.map(({ resource }) => resource.kind).join(', ');
  return {
    type: 'ClusterRead',
    status: 'False',
    reason: 'API_SERVER_UNAVAILABLE',
    severity: 'ERROR',
    object: '',
    message: `changes of ${kinds} are not seen: ${states[0]?.trouble?.failure.message ?? ''}. ${consequence(states)}`,
    remedy: 'restore the API server, or the way from the agent to it; the agent tries again by itself',
  };
}

function consequence(states: readonly KindState[]): string {
  if (states.some(isAwaited)) return 'Nothing is served before they have been listed';
  return states.some(({ known }) => known === 'UNKNOWN')
    ? 'The rest is served as if there were none'
    : 'What was known of them stays in force';
}

function unnamedCondition({ resource: { kind }, unnamed }: KindState): Condition {
  return {
    type: 'ClusterRead',
    status: 'False',
    reason: 'OBJECTS_WITHOUT_NAME',
    severity: 'WARNING',
    object: '',
    message: `the API server sent ${unnamed} ${kind} objects without a name since the agent started: they are ignored`,
    remedy: 'look at what stands between the agent and the API server, as that sends no such object',
  };
}
