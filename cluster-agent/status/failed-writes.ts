import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiFailure } from '@isthmus/api/kube/api-failure.ts';

interface Failure {
  /** `patch services` */
  readonly call: string;
  readonly message: string;
  readonly kind: 'FORBIDDEN' | 'CONFLICT' | 'OTHER';
}

/**
 * So many failures in a row are a condition: what passes by itself is none. Another writer is faster now and then; one that
 * is faster for 12 s writes all the time.
 */
const shownFrom = { FORBIDDEN: 1, CONFLICT: 7, OTHER: 3 } as const;

/** Writes that fail, by object. It holds no more objects than wait to be written again. */
export class FailedWrites {
  readonly #failures = new Map<string, Failure & { readonly times: number }>();

  add(id: string, call: string, error: ApiFailure): void {
    const times = (this.#failures.get(id)?.times ?? 0) + 1;
    this.#failures.set(id, { call, message: error.message, kind: kindOf(error), times });
  }

  delete(id: string): void {
    this.#failures.delete(id);
  }

  /** The role has this verb now: what was refused for want of it is no condition any more. */
  allowed(call: string): void {
    for (const [id, one] of this.#failures)
      if (one.kind === 'FORBIDDEN' && one.call === call) this.#failures.delete(id);
  }

  clear(): void {
    this.#failures.clear();
  }

  /** One for each call that a role forbids, and one for all other failures that go on. */
  conditions(): readonly Condition[] {
    const shown = [...this.#failures.values()].filter(({ kind, times }) => times >= shownFrom[kind]);
    const forbidden = Map.groupBy(
      shown.filter(({ kind }) => kind === 'FORBIDDEN'),
      ({ call }) => call,
    );
    const others = shown.filter(({ kind }) => kind !== 'FORBIDDEN');
    const [first] = others;
    return [
      ...[...forbidden.values()].flatMap((some) => forbiddenCondition(some)),
      ...(first ? [failedCondition(first, others.length)] : []),
    ];
  }
}

const kindOf = ({ code }: ApiFailure): Failure['kind'] =>
  code === 'API_FORBIDDEN' ? 'FORBIDDEN' : code === 'API_CONFLICT' ? 'CONFLICT' : 'OTHER';

const forbiddenCondition = (some: readonly Failure[]): readonly Condition[] =>
  some.slice(0, 1).map(({ message }) => ({
    type: 'StatusWritten',
    status: 'False',
    reason: 'WRITE_FORBIDDEN',
    severity: 'WARNING',
    object: '',
    message: `${some.length === 1 ? 'an object does' : `${some.length} objects do`} not show what the agent makes of ${some.length === 1 ? 'it' : 'them'}: ${message}`,
    remedy: 'upgrade the chart of the agent, whose role allows what it writes, or add the verb to the role',
  }));

const failedCondition = ({ message, kind }: Failure, count: number): Condition => ({
  type: 'StatusWritten',
  status: 'False',
  reason: 'WRITE_FAILED',
  severity: 'WARNING',
  object: '',
  message: `${count === 1 ? 'an object' : `${count} objects`} could not be written: ${message}`,
  remedy:
    kind === 'CONFLICT'
      ? 'stop what writes the object all the time: its metadata.managedFields name it; the agent goes on trying, once a minute at least'
      : 'correct what the message names; the agent goes on trying, once a minute at least',
});
