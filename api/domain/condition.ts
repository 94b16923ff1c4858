export const severities = ['ERROR', 'WARNING', 'INFO'] as const;

/** ERROR: traffic fails, or a policy is not enforced. WARNING: it soon may. INFO: an action in force has an effect. */
export type Severity = (typeof severities)[number];

/** A degraded state of a cluster or a service, with its cause and its remedy. What is well has no condition. */
export interface Condition {
  /** The positive state that is in question, e.g. `Captured`. */
  readonly type: string;
  readonly status: 'True' | 'False';
  /** UPPER_SNAKE, stable: `PORT_NOT_CAPTURABLE`. */
  readonly reason: string;
  readonly severity: Severity;
  /** `<kind> <namespace>/<name>`, e.g. `Pod shop/cart-1`; '': the cluster, or the service that has the condition. */
  readonly object: string;
  /** What happened, and why. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

const compared: Readonly<Record<keyof Condition, true>> = {
  type: true,
  status: true,
  reason: true,
  severity: true,
  object: true,
  message: true,
  remedy: true,
};
const fields = Object.keys(compared) as (keyof Condition)[];

/** Whether two lists say the same in the same order. */
export const areSameConditions = (one: readonly Condition[], other: readonly Condition[]): boolean =>
  one.length === other.length &&
  one.every((condition, i) => fields.every((field) => condition[field] === other[i]?.[field]));

/** The namespace of a condition's object; '' when the object is in none. The form of `object` is known here only. */
export function namespaceOf(object: string): string {
  const name = object.slice(object.indexOf(' ') + 1);
  return object.includes(' ') && name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
}
