import type { Condition } from '@isthmus/api/domain/condition.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { NamespaceObjects } from '../view/namespaces.ts';
import { policyConditions, type Judged } from './conditions.ts';
import { isOfMesh, namespaceEffects, reachingOut, type Effect, type NamespaceEffects } from './effects.ts';
import { bothSelections, noSelection, type Selection } from './selection.ts';

interface Known {
  readonly of: NamespaceObjects;
  readonly effects: NamespaceEffects;
}

/**
 * The conditions of a cluster's own security policies. A change costs what its namespace holds; only one of a policy
 * that means the whole mesh costs more.
 */
export class PolicyEffects {
  #root: readonly Effect['policy'][] = [];
  #known: ReadonlyMap<string, Known> = new Map();
  #conditions: readonly Condition[] = [];

  /** The same list as before when nothing has changed. */
  conditions(namespaces: readonly NamespaceObjects[]): readonly Condition[] {
    const inRoot = namespaces.find(({ name }) => name === rootNamespace);
    const root = inRoot ? reachingOut(inRoot) : [];
    const sameRoot = isSame(root, this.#root);
    let changed = !sameRoot || namespaces.length !== this.#known.size;
    const next = new Map<string, Known>();
    for (const here of namespaces) {
      const before = sameRoot ? this.#known.get(here.name) : undefined;
      const isKnown = before?.of === here;
      changed ||= !isKnown;
      next.set(here.name, isKnown ? before : { of: here, effects: namespaceEffects(here, root) });
    }
    if (!changed) return this.#conditions;
    this.#root = root;
    this.#known = next;
    return (this.#conditions = policyConditions(judged([...next.values()])));
  }
}

const isSame = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

function judged(all: readonly Known[]): readonly Judged[] {
  const everywhere = (policy: Effect['policy']): Selection =>
    all.reduce(
      (sum, { effects }) => bothSelections(sum, effects.fromRoot.get(policy) ?? noSelection),
      noSelection,
    );
  return all.flatMap(({ of, effects }) =>
    effects.own.map(({ policy, selection, shadow }) => ({
      policy,
      selection: isOfMesh(policy) ? everywhere(policy) : selection,
      shadow,
      isDeclared: of.declared !== undefined,
    })),
  );
}
