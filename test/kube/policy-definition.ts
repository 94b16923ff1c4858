import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { until } from '../fakes/agent.ts';
import { definitions } from './foreign-crds.ts';

export const policies: Resource = {
  group: 'security.istio.io',
  version: 'v1',
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  isNamespaced: true,
};

const anything = { type: 'object', ['x-kubernetes-preserve-unknown-fields']: true };

/** A kind of AuthorizationPolicy with a status and without a schema: also fields of a version that is to come are stored. */
const definition = {
  metadata: { name: 'authorizationpolicies.security.istio.io' },
  spec: {
    group: policies.group,
    scope: 'Namespaced',
    names: { kind: policies.kind, plural: policies.plural, singular: 'authorizationpolicy' },
    versions: [
      {
        name: policies.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      },
    ],
  },
};

/** Resolves once the API server serves AuthorizationPolicies. */
export async function definePolicies(server: ApiServer): Promise<void> {
  await server.create(definitions, '', definition);
  await until(() =>
    server.list(policies, { limit: '1' }).then(
      () => true,
      () => false,
    ),
  );
}

/** One that denies callers of this namespace, at all workloads of `shop`. */
export const denying = (name: string, namespace: string) => ({
  metadata: { name },
  spec: { action: 'DENY', rules: [{ from: [{ source: { namespaces: [namespace] } }] }] },
});
