import { ApiFailure } from './api-failure.ts';
import type { Place, Resource } from './api-server.ts';

/** The path below which the objects of a kind are: of one namespace, or of all of them (''). */
export function collectionPath(resource: Resource, namespace: string): string {
  const { group, version, plural, isNamespaced } = resource;
  const root = group === '' ? `/api/${segment(version)}` : `/apis/${segment(group)}/${segment(version)}`;
  const within = isNamespaced && namespace !== '' ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${within}/${segment(plural)}`;
}

/** The path of one object, or of its subresource. Throws API_INVALID for names that are no segment of a path. */
export function objectPath(resource: Resource, { namespace, name, subresource = '' }: Place): string {
  if (resource.isNamespaced && namespace === '')
    throw new ApiFailure('API_INVALID', `${resource.kind} ${name} needs a namespace, as its kind has one`);
  const path = `${collectionPath(resource, namespace)}/${segment(name)}`;
  return subresource === '' ? path : `${path}/${segment(subresource)}`;
}

/** The API server unescapes nothing that would be another path: such a name is refused, as no object can have it. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/%\\]/.test(text))
    throw new ApiFailure('API_INVALID', `${JSON.stringify(text)} is no name of an object of Kubernetes`);
  return encodeURIComponent(text);
}

/** `authorizationpolicies.security.istio.io`, as kubectl and RBAC write it. */
export const resourceName = ({ plural, group }: Pick<Resource, 'plural' | 'group'>): string =>
  group === '' ? plural : `${plural}.${group}`;
