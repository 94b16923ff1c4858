import type { Authorization } from '../rbac/authorization.ts';
import type { Applicable } from '../rbac/policies-for.ts';
import type { Workload } from '../records/workload.ts';
import { IndexMap } from './index-map.ts';

/** Authorization policies by resource name, and those that apply without being named. */
export class PolicyStore {
  readonly #byKey = new Map<string, Authorization>();
  /** By namespace; '' holds the global ones. */
  readonly #unnamed = new IndexMap<Authorization>();
  /** Removed by the control plane, and in force until nobody names them. */
  readonly #retired = new Set<string>();
  /** What is in force in place of a policy that could not be read. */
  readonly #standIns = new Set<string>();
  /** What applies to a workload, until a policy changes: a workload that changes is another object. */
  #applicable = new WeakMap<Workload, Applicable>();

  /** Puts something in force in place of a version that cannot be read; undefined: nothing. What was read before stays. */
  standIn(key: string, policy: Authorization | undefined): void {
    if (this.#byKey.has(key) && !this.#standIns.has(key) && !this.#retired.has(key)) return;
    if (!policy) return void this.remove(key);
    this.insert(policy);
    this.#standIns.add(key);
  }

  insert(policy: Authorization): Authorization | undefined {
    const replaced = this.remove(policy.key);
    this.#applicable = new WeakMap();
    this.#byKey.set(policy.key, policy);
    const scope = scopeOf(policy);
    if (scope !== undefined) this.#unnamed.add(scope, policy);
    return replaced;
  }

  remove(key: string): Authorization | undefined {
    this.#retired.delete(key);
    this.#standIns.delete(key);
    const policy = this.#byKey.get(key);
    if (!policy) return undefined;
    this.#applicable = new WeakMap();
    this.#byKey.delete(key);
    const scope = scopeOf(policy);
    if (scope !== undefined) this.#unnamed.delete(scope, policy);
    return policy;
  }

  /** Removes a policy as soon as no workload names it: until then what it says holds. */
  retire(key: string, isNamed: (key: string) => boolean): void {
    const policy = this.#byKey.get(key);
    if (!policy) return;
    if (scopeOf(policy) === undefined && isNamed(key)) this.#retired.add(key);
    else this.remove(key);
  }

  /** Removes the retired ones that nobody names any more. */
  sweep(isNamed: (key: string) => boolean): void {
    for (const key of this.#retired) if (!isNamed(key)) this.remove(key);
  }

  get(key: string): Authorization | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<Authorization> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The policies of a workload: those of its namespace, those of the whole mesh, and those that it names. */
  applicable(workload: Workload): Applicable {
    const known = this.#applicable.get(workload);
    if (known) return known;
    const policies = new Set(this.unnamed(workload.namespace));
    const missing: string[] = [];
    for (const key of workload.authorizationPolicies) {
      const policy = this.#byKey.get(key);
      if (policy) policies.add(policy);
      else missing.push(key);
    }
    const applicable = { policies: [...policies], missing };
    this.#applicable.set(workload, applicable);
    return applicable;
  }

  /** Policies of a namespace and of the whole mesh. */
  unnamed(namespace: string): readonly Authorization[] {
    // A workload without a namespace has the global ones once.
    const ofNamespace = namespace === '' ? [] : this.#unnamed.get(namespace);
    return [...ofNamespace, ...this.#unnamed.get('')];
  }
}

/** For which namespace a policy applies without being named, '' being the whole mesh; undefined: it has to be named. */
export function scopeOf({ scope, namespace }: Authorization): string | undefined {
  if (scope === 'WORKLOAD_SELECTOR') return undefined;
  return scope === 'GLOBAL' ? '' : namespace;
}
