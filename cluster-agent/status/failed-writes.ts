import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiFailure } from '@isthmus/api/kube/api-failure.ts';

interface Failure {
  /** `patch services` */
  readonly call: string;
  readonly message: string;
  readonly isForbidden: boolean;
}

/** A failure that passes by itself is no condition. */
const shownFrom = 3;

/** Writes that fail, by object. It holds no more objects than wait to be written again. */
export class FailedWrites {
  readonly #failures = new Map<string, Failure & { readonly times: number }>();

  add(id: string, call: string, error: ApiFailure): void {
    const times = (this.#failures.get(id)?.times ?? 0) + 1;
    const isForbidden = error.code === 'API_FORBIDDEN';
    this.#failures.set(id, { call, message: error.message, isForbidden, times });
  }

  delete(id: string): void {
    this.#failures.delete(id);
  }

  /** The role has this verb now: what was refused for want of it is no condition any more. */
  allowed(call: string): void {
    for (const [id, one] of this.#failures)
      if (one.isForbidden && one.call === call) this.#failures.delete(id);
  }

  clear(): void {
    this.#failures.clear();
  }

  /** One for each call that a role forbids, and one for all other failures that go on. */
  conditions(): readonly Condition[] {
    const all = [...this.#failures.values()];
    const forbidden = Map.groupBy(
      all.filter(({ isForbidden }) => isForbidden),
      ({ call }) => call,
    );
    const others = all.filter(({ isForbidden, times }) => !isForbidden && times >= shownFrom);
    const [first] = others;
    return [
      ...[...forbidden.values()].flatMap((some) => forbiddenCondition(some)),
      ...(first ? [failedCondition(first, others.length)] : []),
    ];
  }
}

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

const failedCondition = ({ message }: Failure, count: number): Condition => ({
  type: 'StatusWritten',
  status: 'False',
  reason: 'WRITE_FAILED',
  severity: 'WARNING',
  object: '',
  message: `${count === 1 ? 'an object' : `${count} objects`} could not be written: ${message}`,
  remedy: 'correct what the message names; the agent goes on trying, once a minute at least',
});
