import type {
  AuthorizationPolicyObject,
  ClusterObject,
  NamespaceObject,
  PeerAuthenticationObject,
  PodObject,
} from '@isthmus/api/kubernetes/objects.ts';

/** What the security policies of a namespace rest on. The same object as before while nothing of it has changed. */
export interface NamespaceObjects {
  readonly name: string;
  /** Its Namespace object; undefined without one. */
  readonly declared: NamespaceObject | undefined;
  /** Those that have processes. */
  readonly pods: readonly PodObject[];
  readonly authorizations: readonly AuthorizationPolicyObject[];
  readonly peers: readonly PeerAuthenticationObject[];
}

/**
 * The objects that security policies rest on, by namespace, so that a change costs what its own namespace holds and not
 * what the cluster holds.
 */
export class Namespaces {
  readonly #objects = new Map<string, Map<string, ClusterObject>>();
  readonly #known = new Map<string, NamespaceObjects>();

  set(id: string, object: ClusterObject): void {
    const name = namespaceOf(object);
    if (name === undefined) return;
    const objects = this.#objects.get(name) ?? new Map<string, ClusterObject>();
    this.#objects.set(name, objects.set(id, object));
    this.#known.delete(name);
  }

  delete(id: string, object: ClusterObject): void {
    const name = namespaceOf(object);
    const objects = name === undefined ? undefined : this.#objects.get(name);
    if (name === undefined || !objects?.delete(id)) return;
    if (objects.size === 0) this.#objects.delete(name);
    this.#known.delete(name);
  }

  /** Ordered by nothing in particular. */
  all(): readonly NamespaceObjects[] {
    return [...this.#objects].map(([name, objects]) => {
      const known = this.#known.get(name) ?? gathered(name, objects);
      this.#known.set(name, known);
      return known;
    });
  }
}

/** Whose the object is; undefined for kinds that no policy rests on. */
function namespaceOf({ kind, metadata }: ClusterObject): string | undefined {
  switch (kind) {
    case 'Namespace':
      return metadata.name;
    case 'Pod':
    case 'AuthorizationPolicy':
    case 'PeerAuthentication':
      return metadata.namespace;
    default:
      return undefined;
  }
}

function gathered(name: string, objects: ReadonlyMap<string, ClusterObject>): NamespaceObjects {
  const all = [...objects.values()];
  return {
    name,
    declared: all.find((one) => one.kind === 'Namespace'),
    pods: all.filter((one): one is PodObject => one.kind === 'Pod' && !one.finished),
    authorizations: all.filter((one) => one.kind === 'AuthorizationPolicy'),
    peers: all.filter((one) => one.kind === 'PeerAuthentication'),
  };
}
