import { namespaceOf, severities, type Condition, type Severity } from '@isthmus/api/domain/condition.ts';

/** One thing that is wrong, or in force, somewhere in the federation: a condition and where it holds. */
export interface Finding {
  readonly severity: Severity;
  /** UPPER_SNAKE, stable. */
  readonly reason: string;
  /** The cluster in which it holds; '': the hub, or the federation as a whole. */
  readonly cluster: string;
  /** The namespace of the object; '' when it is in none. */
  readonly namespace: string;
  /** `<kind> <name>` or `<kind> <namespace>/<name>`; never empty. */
  readonly object: string;
  /** What happened, and why. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/**
 * A condition of an object in a cluster; `owner` is the object when the condition names none. A condition without a
 * message or a remedy, as of an agent of another version, refers to the agent's log.
 */
export function findingOf(condition: Condition, cluster: string, owner: string): Finding {
  const { severity, reason } = condition;
  const message = condition.message || `the agent of ${cluster} reports ${reason} and gives no cause`;
  const remedy = condition.remedy || `look for ${reason} in the log of the agent of ${cluster}`;
  const object = condition.object === '' ? owner : condition.object;
  return { severity, reason, cluster, namespace: namespaceOf(object), object, message, remedy };
}

/** A finding that rests on no condition. */
export const finding = (
  severity: Severity,
  reason: string,
  where: { readonly cluster?: string; readonly object: string; readonly namespace?: string },
  message: string,
  remedy: string,
): Finding => ({
  severity,
  reason,
  cluster: where.cluster ?? '',
  namespace: where.namespace ?? namespaceOf(where.object),
  object: where.object,
  message,
  remedy,
});

/** Gravest first, then by cluster and object: the order is the same at every look. */
export const orderOf = ({ severity, cluster, object, reason, message }: Finding): string =>
  [severities.indexOf(severity), cluster, object, reason, message].join('\u0000');
