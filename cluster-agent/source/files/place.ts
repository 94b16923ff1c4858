import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Allocations } from './allocations.ts';

/** A pod with its addresses, and what of them it lacks. */
export interface Placed {
  readonly pod: PodObject;
  readonly problems: readonly Rejection[];
}

const appAddress = 'isthmus.io/app-address';

const ownerOf = ({ metadata }: PodObject): string => `${metadata.namespace}/${metadata.name}`;

/**
 * Gives pods the addresses that their manifests leave open. What a manifest gives goes before what is allocated, in
 * whatever order they come; a pod without an address is no workload.
 */
export function place(allocations: Allocations, pods: readonly PodObject[]): readonly Placed[] {
  for (const pod of pods)
    for (const kind of ['pods', 'apps'] as const) allocations.unreserve(kind, ownerOf(pod));
  const given = pods.map((pod) => reserve(allocations, pod));
  return pods.map((pod, i) => allocate(allocations, pod, given[i] ?? []));
}

/** The addresses in the manifest; those that another has already are refused. */
function reserve(allocations: Allocations, pod: PodObject): readonly Rejection[] {
  const app = pod.metadata.annotations[appAddress];
  const problems: Rejection[] = [];
  // Pods of the host's network share its address.
  if (pod.podIP !== '' && !pod.hostNetwork) {
    const reserved = allocations.reserve('pods', ownerOf(pod), pod.podIP);
    if (!reserved.ok) problems.push(problem(pod, 'status.podIP', reserved.error));
  }
  if (app !== undefined) {
    const reserved = allocations.reserve('apps', ownerOf(pod), app);
    if (!reserved.ok) problems.push(problem(pod, `metadata.annotations.${appAddress}`, reserved.error));
  }
  return problems;
}

function allocate(allocations: Allocations, pod: PodObject, refused: readonly Rejection[]): Placed {
  const problems = [...refused];
  const given = (field: string, kind: 'pods' | 'apps', address: string | undefined): string => {
    if (problems.some((one) => one.field === field)) return '';
    if (address !== undefined) return address;
    const allocated = allocations.get(kind, ownerOf(pod));
    if (allocated.ok) return allocated.value;
    problems.push(problem(pod, field, allocated.error));
    return '';
  };
  const podIP = given('status.podIP', 'pods', pod.podIP === '' ? undefined : pod.podIP);
  const annotation = `metadata.annotations.${appAddress}`;
  const app = given(annotation, 'apps', pod.metadata.annotations[appAddress]);
  if (pod.nodeName === '')
    problems.push(
      problem(pod, 'spec.nodeName', 'names no node: no proxy serves the pod and it gets no token'),
    );
  const annotations = { ...pod.metadata.annotations, [appAddress]: app };
  return {
    pod: { ...pod, podIP: app === '' ? '' : podIP, metadata: { ...pod.metadata, annotations } },
    problems,
  };
}

const problem = (pod: PodObject, field: string, message: string): Rejection => ({
  code: 'NOT_PLACED',
  severity: 'ERROR',
  object: `Pod ${ownerOf(pod)}`,
  field,
  message,
  file: '',
  line: 0,
});
