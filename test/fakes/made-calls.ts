import type { Access, Verb } from '@isthmus/api/kube/access.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Place, Resource } from '@isthmus/api/kube/api-server.ts';
import { resourceName } from '@isthmus/api/kube/resource-path.ts';

/** `patch authorizationpolicies.security.istio.io/status`. */
const call = (verb: Verb, resource: Resource, subresource = ''): string =>
  `${verb} ${resourceName(resource)}${subresource === '' ? '' : `/${subresource}`}`;

/** What an access list allows, one entry for each verb of each kind. */
export const allowedCalls = (access: readonly Access[]): ReadonlySet<string> =>
  new Set(
    access.flatMap(({ resource, subresource, verbs }) =>
      verbs.map((verb) => call(verb, resource, subresource)),
    ),
  );

/** The same server, which adds to `made` what it is asked. An apply that makes an object takes `create` too. */
export function noting(server: ApiServer, made: Set<string>): ApiServer {
  const isMissing = (resource: Resource, place: Place): Promise<boolean> =>
    server.get(resource, place).then(
      () => false,
      (error: unknown) => error instanceof ApiFailure && error.code === 'API_NOT_FOUND',
    );
  return {
    list: (listed, query, signal) => {
      made.add(call('list', listed));
      return server.list(listed, query, signal);
    },
    watch: (listed, query, signal) => {
      made.add(call('watch', listed));
      return server.watch(listed, query, signal);
    },
    get: (resource, place) => {
      made.add(call('get', resource, place.subresource));
      return server.get(resource, place);
    },
    create: (resource, namespace, object) => {
      made.add(call('create', resource));
      return server.create(resource, namespace, object);
    },
    replace: (resource, place, object) => {
      made.add(call('update', resource, place.subresource));
      return server.replace(resource, place, object);
    },
    patch: async (resource, place, patch, object) => {
      made.add(call('patch', resource, place.subresource));
      if (patch.how === 'apply' && (place.subresource ?? '') === '' && (await isMissing(resource, place)))
        made.add(call('create', resource));
      return server.patch(resource, place, patch, object);
    },
    remove: (resource, place) => {
      made.add(call('delete', resource));
      return server.remove(resource, place);
    },
    read: (path) => server.read(path),
  };
}
