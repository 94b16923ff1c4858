import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { versionsOf } from '@isthmus/api/kubernetes/kinds.ts';

const kind = (group: string, kind: string, plural: string, isNamespaced = true): Resource => ({
  group,
  version: versionsOf(group)[0] ?? '',
  kind,
  plural,
  isNamespaced,
});

/** Kinds that agents read or write and that Kubernetes does not have by itself. */
export const foreignKinds: readonly Resource[] = [
  kind('security.istio.io', 'AuthorizationPolicy', 'authorizationpolicies'),
  kind('security.istio.io', 'PeerAuthentication', 'peerauthentications'),
  kind('networking.istio.io', 'ServiceEntry', 'serviceentries'),
  kind('networking.istio.io', 'WorkloadEntry', 'workloadentries'),
  kind('gateway.networking.k8s.io', 'GatewayClass', 'gatewayclasses', false),
  kind('gateway.networking.k8s.io', 'Gateway', 'gateways'),
  kind('multicluster.x-k8s.io', 'ServiceExport', 'serviceexports'),
  kind('multicluster.x-k8s.io', 'ServiceImport', 'serviceimports'),
];

/** A definition without schemas: it takes any fields, as its objects are judged by decoders. */
export function definitionOf({ group, kind, plural, isNamespaced }: Resource): object {
  const [storage, ...older] = versionsOf(group);
  if (storage === undefined) throw new Error(`no version of ${group} is decoded: add it to kinds.ts`);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Kubernetes asks it of its own groups; only they can approve a schema.
      annotations: group.endsWith('.k8s.io')
        ? { 'api-approved.kubernetes.io': 'unapproved, names and versions only' }
        : {},
    },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: isNamespaced ? 'Namespaced' : 'Cluster',
      versions: [versionNamed(storage, true), ...older.map((name) => versionNamed(name, false))],
    },
  };
}

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

const versionNamed = (name: string, storage: boolean): object => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
  subresources: { status: {} },
});
