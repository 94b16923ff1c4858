/** A kind of object as the API server serves it. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower case, as it stands in paths and in RBAC rules: `endpointslices`. */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** The objects of a kind that a list or a watch is of. */
export interface Listed extends Resource {
  /** Only of this namespace, which is all that a Role can allow; without it, of all. */
  readonly namespace?: string;
}

/** Query parameters of a request: `limit`, `continue`, `resourceVersion`, `fieldSelector`, `labelSelector`, … */
export type Query = Readonly<Record<string, string>>;

/** A page of a list. `continue` is '' at the last one. Items have neither apiVersion nor kind. */
export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continue: string;
}

/** One line of a watch: `object` has apiVersion and kind; of a bookmark it has only its resourceVersion. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** How an object is patched: server-side apply, or a merge patch. */
export type Patch =
  | { readonly how: 'apply'; readonly fieldManager: string; readonly force: boolean }
  | { readonly how: 'merge' };

/** Where an object is: the namespace is '' for kinds that have none. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
  /** '' for the object itself. */
  readonly subresource?: 'status' | '';
}

/**
 * A Kubernetes API server. Each call throws `ApiFailure`: what the server answered, or that it did not. No call waits
 * longer than its own time limit; a watch that is silent for longer than `silenceMillis` fails.
 */
export interface ApiServer {
  list(listed: Listed, query: Query, signal?: AbortSignal): Promise<Page>;
  /**
   * Resolves once the server has accepted the watch, to events until the server ends it, which is no failure. Both throw
   * `ApiFailure`, also of an ERROR event and when the signal aborts.
   */
  watch(listed: Listed, query: Query, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>;
  get(resource: Resource, place: Place): Promise<unknown>;
  /** With a resourceVersion in the object's metadata `replace` is refused with 409 when it is no longer that. */
  create(resource: Resource, namespace: string, object: object): Promise<unknown>;
  replace(resource: Resource, place: Place, object: object): Promise<unknown>;
  patch(resource: Resource, place: Place, patch: Patch, object: object): Promise<unknown>;
  remove(resource: Resource, place: Place): Promise<void>;
  /** A path that is no object: `/version`. */
  read(path: string): Promise<unknown>;
}
