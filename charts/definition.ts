import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { versionsOf } from '@isthmus/api/kubernetes/kinds.ts';

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
