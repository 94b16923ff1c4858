import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';

/** The namespace of a target that means all of them: it is no name of a namespace. */
export const everyNamespace = '';

/** An authorization that a proxy has to hold so that a workload is covered. */
export interface Held {
  /** By the name that proxies have for it. */
  readonly key: string;
  /** It is in force only where the workload names it. */
  readonly isNamedByWorkload: boolean;
}

/** A policy as its coverage sees it: which workloads it is for, and what enforces it there. */
export interface CoveredPolicy {
  readonly name: string;
  readonly target: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** All authorizations that enforce it at some workload. */
  readonly keys: readonly string[];
  /** Undefined: it is not for this one of the workloads that it selects. */
  at(pod: PodObject): readonly Held[] | undefined;
}

/** A policy of the hub is one authorization at every workload of its target. */
export function coveredByHub({ name, target, authorization: { key, scope } }: CompiledPolicy): CoveredPolicy {
  const held: readonly Held[] = [{ key, isNamedByWorkload: scope === 'WORKLOAD_SELECTOR' }];
  return { name, target, keys: [key], at: () => held };
}
