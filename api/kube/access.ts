import type { ApiServer, Listed, Place, Query, Resource } from './api-server.ts';

/** As they stand in RBAC rules; `update` is `ApiServer.replace`, `delete` is `ApiServer.remove`. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** What a program may do with one kind of object. The roles of the charts are rendered from lists of these. */
export interface Access {
  readonly resource: Resource;
  /** Only this part of the objects; without it the objects themselves. */
  readonly subresource?: 'status';
  readonly verbs: readonly Verb[];
  /** OWN: in the namespace that the program runs in. Kinds without a namespace are ALL. */
  readonly namespaces: 'ALL' | 'OWN';
  /**
   * Only objects of these names. RBAC cannot hold `create` to names, as the name is not in the path: the role lets all
   * be created, and `permitted` holds the program to the names.
   */
  readonly names?: readonly string[];
}

/** One call, in the terms of RBAC. */
interface Call {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly subresource: string;
  /** '' for all namespaces, and for kinds without one. */
  readonly namespace: string;
  /** Undefined where the call names no object. */
  readonly name: string | undefined;
}

/**
 * The same server, of which a program can only ask what its access list has. It is for tests, which thus find the call
 * that a role would refuse in a cluster: what is refused throws an `Error` that no program expects, not `ApiFailure`.
 * Server-side apply of an object that does not exist also takes `create`, which only a real server checks.
 */
export function permitted(server: ApiServer, access: readonly Access[], ownNamespace: string): ApiServer {
  const check = (call: Call) => {
    if (!access.some((one) => allows(one, call, ownNamespace))) throw new Error(refusalOf(call));
  };
  const many = (verb: Verb, listed: Listed, query: Query) => {
    const name = /(?:^|,)metadata\.name==?([^,]+)/.exec(query.fieldSelector ?? '')?.[1];
    check({ verb, resource: listed, subresource: '', namespace: listed.namespace ?? '', name });
  };
  const one = (verb: Verb, resource: Resource, { namespace, name, subresource = '' }: Place) => {
    check({ verb, resource, subresource, namespace, name });
  };
  // async, so that a refusal is a rejected promise, as that of the server is.
  return {
    list: async (listed, query, signal) => {
      many('list', listed, query);
      return server.list(listed, query, signal);
    },
    watch: async (listed, query, signal) => {
      many('watch', listed, query);
      return server.watch(listed, query, signal);
    },
    get: async (resource, place) => {
      one('get', resource, place);
      return server.get(resource, place);
    },
    create: async (resource, namespace, object) => {
      check({ verb: 'create', resource, subresource: '', namespace, name: nameOf(object) });
      return server.create(resource, namespace, object);
    },
    replace: async (resource, place, object) => {
      one('update', resource, place);
      return server.replace(resource, place, object);
    },
    patch: async (resource, place, patch, object) => {
      one('patch', resource, place);
      return server.patch(resource, place, patch, object);
    },
    remove: async (resource, place) => {
      one('delete', resource, place);
      return server.remove(resource, place);
    },
    read: async (path) => {
      if (!isOpen(path)) throw new Error(`no access list can allow the path ${path}`);
      return server.read(path);
    },
  };
}

/** Kubernetes lets each authenticated caller read them. */
const openPaths: ReadonlySet<string> = new Set(['/version', '/livez', '/readyz']);
/** Also which versions of a group are served. */
const isOpen = (path: string): boolean => openPaths.has(path) || /^\/apis\/[^/]+$/.test(path);

/** The version of a kind does not matter, as it does not in RBAC. */
const allows = (access: Access, call: Call, ownNamespace: string): boolean =>
  access.resource.group === call.resource.group &&
  access.resource.plural === call.resource.plural &&
  (access.subresource ?? '') === call.subresource &&
  access.verbs.includes(call.verb) &&
  (access.namespaces === 'ALL' || call.namespace === ownNamespace) &&
  (access.names === undefined || (call.name !== undefined && access.names.includes(call.name)));

function nameOf(object: object): string | undefined {
  const { metadata } = object as { readonly metadata?: { readonly name?: unknown } };
  return typeof metadata?.name === 'string' ? metadata.name : undefined;
}

function refusalOf({ verb, resource, subresource, namespace, name }: Call): string {
  const group = resource.group === '' ? '' : `.${resource.group}`;
  const kind = `${resource.plural}${group}${subresource === '' ? '' : `/${subresource}`}`;
  const which = name === undefined ? '' : ` '${name}'`;
  const where = namespace === '' ? 'of all namespaces' : `in namespace ${namespace}`;
  return `the access list of this program has no '${verb}' of ${kind}${which} ${where}: add it to access.ts, then npm run generate:charts`;
}
