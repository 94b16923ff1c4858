import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { OwnPolicy } from '../coverage/own-policies.ts';
import { policyConditions } from '../coverage/policy-conditions.ts';
import { statedPolicy, type PolicyStates } from '../coverage/policy-state.ts';
import { mergedConditions } from './condition-list.ts';
import { noteOf } from './condition-notes.ts';
import { writtenKinds } from './written-kinds.ts';
import type { Current, Statement, Target, Write } from './written-object.ts';

interface Around extends PolicyStates {
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What is said of a security policy of the cluster, in its status. Undefined: there is no such policy. */
export function policyStatement(
  target: Target & { readonly kind: OwnPolicy['kind'] },
  { now, ...states }: Around,
): Statement | undefined {
  const stated = statedPolicy(target, states);
  if (!stated) return undefined;
  const { policy, state } = stated;
  const isRefused = state.rejections.some(({ severity }) => severity === 'ERROR');
  // What is held of a refused policy is of an earlier edit.
  const observed = isRefused ? undefined : policy?.metadata.generation;
  return {
    ...writtenKinds[target.kind],
    writes: (current) => statusWrites(target, current, policyConditions(state), observed, now()),
  };
}

/** The write of a status whose conditions are these. `observed` undefined: they are about the object as it was read. */
export function statusWrites(
  { namespace, name }: Target,
  current: Current | undefined,
  wanted: readonly Wanted[],
  observed: number | undefined,
  now: number,
): readonly Write[] {
  if (!current) return [];
  const generation = observed ?? current.generation;
  const conditions = mergedConditions(current.conditions, wanted, { generation, now });
  if (!conditions) return [];
  // With the version that was read, as conditions of others are in the list.
  const metadata = { namespace, name, resourceVersion: current.resourceVersion };
  const note = noteOf(current.conditions, wanted, generation);
  const object = { metadata, status: { conditions } };
  return [{ how: 'APPLY', subresource: 'status', object, ...(note && { note }) }];
}
