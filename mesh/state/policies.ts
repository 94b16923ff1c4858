import type { Authorization } from '../rbac/authorization.ts';
import { IndexMap } from './index-map.ts';

/** Authorization policies by resource name, and those that apply without being named. */
export class PolicyStore {
  readonly #byKey = new Map<string, Authorization>();
  /** By namespace; '' holds the global ones. */
  readonly #unnamed = new IndexMap<Authorization>();

  insert(policy: Authorization): void {
    this.remove(policy.key);
    this.#byKey.set(policy.key, policy);
    const scope = scopeOf(policy);
    if (scope !== undefined) this.#unnamed.add(scope, policy);
  }

  remove(key: string): Authorization | undefined {
    const policy = this.#byKey.get(key);
    if (!policy) return undefined;
    this.#byKey.delete(key);
    const scope = scopeOf(policy);
    if (scope !== undefined) this.#unnamed.delete(scope, policy);
    return policy;
  }

  get(key: string): Authorization | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<Authorization> {
    return this.#byKey.values();
  }

  /** Policies of a namespace and of the whole mesh. */
  unnamed(namespace: string): readonly Authorization[] {
    return [...this.#unnamed.get(namespace), ...this.#unnamed.get('')];
  }
}

function scopeOf({ scope, namespace }: Authorization): string | undefined {
  if (scope === 'WORKLOAD_SELECTOR') return undefined;
  return scope === 'GLOBAL' ? '' : namespace;
}
