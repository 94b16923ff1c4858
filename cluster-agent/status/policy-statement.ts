import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { OwnCoverage } from '../coverage/own-coverage.ts';
import type { OwnPolicy } from '../coverage/own-policies.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { mergedConditions } from './condition-list.ts';
import { noteOf } from './condition-notes.ts';
import { policyConditions, type PolicyState } from './policy-conditions.ts';
import { writtenKinds } from './written-kinds.ts';
import type { Current, Statement, Target, Write } from './written-object.ts';

interface Around {
  readonly view: Pick<ClusterView, 'byId' | 'rejections'>;
  readonly coverage: Pick<OwnCoverage, 'progress'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What is said of a security policy of the cluster, in its status. Undefined: there is no such policy. */
export function policyStatement(
  target: Target & { readonly kind: OwnPolicy['kind'] },
  { view, coverage, now }: Around,
): Statement | undefined {
  const id = objectId(target.kind, target);
  const policy = view.byId(id);
  const rejections = view.rejections.of(id);
  const isHeld = policy?.kind === 'AuthorizationPolicy' || policy?.kind === 'PeerAuthentication';
  if (!isHeld && rejections.length === 0) return undefined;
  const isRefused = rejections.some(({ severity }) => severity === 'ERROR');
  const state: PolicyState = {
    rejections,
    isDryRun: policy?.kind === 'AuthorizationPolicy' && policy.dryRun,
    hasSelector: isHeld && Object.keys(policy.selector).length > 0,
    progress: isHeld ? coverage.progress(policy) : undefined,
  };
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
  wanted: Parameters<typeof mergedConditions>[1],
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
