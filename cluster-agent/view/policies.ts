import type {
  AuthorizationPolicyObject,
  PeerAuthenticationObject,
  PodObject,
} from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Change } from '../keys/change-set.ts';
import { policyKey, type PolicyKey } from '../keys/names.ts';
import { Selectors } from './selectors.ts';
import { Sets } from './sets.ts';

type Policy = AuthorizationPolicyObject | PeerAuthenticationObject;

/** Policies of one kind, by their namespace and by the pods that they select. Answers are in the order of precedence. */
class PoliciesOfKind<P extends Policy> {
  readonly #all = new Map<PolicyKey, P>();
  readonly #byNamespace = new Sets<string, PolicyKey>();
  readonly #selectors = new Selectors<PolicyKey>();
  /** What `ofNamespace` has answered and is still so. */
  readonly #ofNamespace = new Map<string, readonly P[]>();

  update({ before, after }: Change<P>): void {
    const some = after ?? before;
    if (!some) return;
    const { namespace } = some.metadata;
    const key = policyKey(some.metadata);
    this.#ofNamespace.delete(namespace);
    if (after) {
      this.#all.set(key, after);
      this.#byNamespace.add(namespace, key);
      this.#selectors.set(key, namespace, after.selector);
    } else {
      this.#all.delete(key);
      this.#byNamespace.delete(namespace, key);
      this.#selectors.delete(key);
    }
  }

  get size(): number {
    return this.#all.size;
  }

  /** Undefined also for what is no key of a policy. */
  get(key: string): P | undefined {
    const all: ReadonlyMap<string, P> = this.#all;
    return all.get(key);
  }

  ofNamespace(namespace: string): readonly P[] {
    const known = this.#ofNamespace.get(namespace);
    if (known) return known;
    const found = this.#sorted(this.#byNamespace.get(namespace));
    if (found.length > 0) this.#ofNamespace.set(namespace, found);
    return found;
  }

  /** Those of a namespace whose selector has labels and meets the pod's. */
  selecting(namespace: string, { metadata }: PodObject): readonly P[] {
    return this.#sorted(this.#selectors.selecting(namespace, metadata.labels));
  }

  /** Those of a namespace without a selector. */
  everything(namespace: string): readonly P[] {
    return this.#sorted(this.#selectors.everything(namespace));
  }

  #sorted(keys: Iterable<PolicyKey>): readonly P[] {
    const found: P[] = [];
    for (const key of keys) {
      const policy = this.#all.get(key);
      if (policy) found.push(policy);
    }
    return found.length > 1 ? found.sort(byPrecedence) : found;
  }
}

/** What others than the view itself may ask. */
export interface PolicyQueries extends Omit<SecurityPolicies, 'authorizations' | 'peers'> {
  readonly authorizations: Omit<PoliciesOfKind<AuthorizationPolicyObject>, 'update'>;
  readonly peers: Omit<PoliciesOfKind<PeerAuthenticationObject>, 'update'>;
}

/** The cluster's own security policies. */
export class SecurityPolicies {
  readonly authorizations = new PoliciesOfKind<AuthorizationPolicyObject>();
  readonly peers = new PoliciesOfKind<PeerAuthenticationObject>();

  /** Authorizations with a selector that the pod meets: of its namespace, and of the root, which select everywhere. */
  authorizationsOf(pod: PodObject): readonly AuthorizationPolicyObject[] {
    const { namespace } = pod.metadata;
    const own = this.authorizations.selecting(namespace, pod);
    if (namespace === rootNamespace) return own;
    const root = this.authorizations.selecting(rootNamespace, pod);
    return root.length === 0 ? own : [...own, ...root].sort(byPrecedence);
  }

  /** PeerAuthentications of the pod's namespace that select it, with a selector or without. */
  peersOf(pod: PodObject): readonly PeerAuthenticationObject[] {
    const { namespace } = pod.metadata;
    const selecting = this.peers.selecting(namespace, pod);
    const everything = this.peers.everything(namespace);
    return selecting.length === 0 ? everything : [...selecting, ...everything].sort(byPrecedence);
  }
}
