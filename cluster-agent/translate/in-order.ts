import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

export const byRef = (a: Ref, b: Ref): number =>
  compareText(a.namespace, b.namespace) || compareText(a.name, b.name);

/** By namespace, then by name: the order in which objects were read says nothing, and a restart changes it. */
export const byName = (a: { readonly metadata: Ref }, b: { readonly metadata: Ref }): number =>
  byRef(a.metadata, b.metadata);

/** What other clusters have, by the name of the cluster first. */
export const byCluster = (a: RemoteService, b: RemoteService): number =>
  compareText(a.cluster, b.cluster) || byRef(a, b);

/** The values of a map in the order of their keys. */
export const valuesInOrder = <V>(map: ReadonlyMap<string, V>): readonly V[] =>
  [...map].sort(([a], [b]) => compareText(a, b)).map(([, value]) => value);
