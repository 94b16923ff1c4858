import { parseObjectId } from '@isthmus/api/kubernetes/objects.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { Target } from './written-object.ts';

const policyKinds: ReadonlySet<string> = new Set(['AuthorizationPolicy', 'PeerAuthentication']);

/** Objects of which something else may have to be said after these keys were touched. Policies follow from their coverage, too. */
export function* targetsTouched(keys: ChangeSet): Iterable<Target> {
  for (const key of keys)
    if (key.kind === 'rejected') {
      const target = parseObjectId(key.origin);
      if (target && policyKinds.has(target.kind)) yield target;
    }
}

/** All objects of which something is said. */
export function* allTargets({ view }: Pick<TranslateInput, 'view'>): Iterable<Target> {
  for (const kind of ['AuthorizationPolicy', 'PeerAuthentication'] as const)
    for (const { metadata } of view.all(kind)) yield targetOf(kind, metadata);
  for (const origin of view.rejections.origins()) {
    const target = parseObjectId(origin);
    if (target && policyKinds.has(target.kind)) yield target;
  }
}

const targetOf = (kind: string, { namespace, name }: Omit<Target, 'kind'>): Target => ({
  kind,
  namespace,
  name,
});
