import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Allocations } from './allocations.ts';

/** A pod with its addresses, and what of them it lacks. */
export interface Placed {
  readonly pod: PodObject;
  readonly problems: readonly Rejection[];
}

/** Where the processes of a pod listen. */
export type Listening =
  /** At an application address of its own: its proxy has the pod's address. */
  | { readonly at: 'APPLICATION' }
  /** At the pod's own address, where no proxy stands before it. */
  | { readonly at: 'POD' }
  /** At its node's address, '' when the node has none. */
  | { readonly at: 'NODE'; readonly address: string };

const annotation = 'metadata.annotations.isthmus.io/app-address';

const ownerOf = ({ metadata }: PodObject): string => `${metadata.namespace}/${metadata.name}`;

/**
 * Gives pods the addresses that their manifests leave open. What a manifest gives goes before what is allocated, in
 * whatever order they come; a pod without an address is not a workload. A finished pod has given up its addresses.
 */
export function place(
  allocations: Allocations,
  pods: readonly PodObject[],
  listening: (pod: PodObject) => Listening,
): readonly Placed[] {
  for (const pod of pods)
    for (const kind of ['pods', 'apps'] as const) allocations.unreserve(kind, ownerOf(pod));
  const given = pods.map((pod) => (pod.finished ? [] : reserve(allocations, pod, listening(pod))));
  return pods.map((pod, i) =>
    pod.finished
      ? { pod: withAddresses(pod, [], ''), problems: [] }
      : allocate(allocations, pod, listening(pod), given[i] ?? []),
  );
}

/** The addresses in the manifest; those that another has already are refused. */
function reserve(allocations: Allocations, pod: PodObject, { at }: Listening): readonly Rejection[] {
  const problems: Rejection[] = [];
  const own = pod.podIP === '' ? [] : [pod.podIP, ...pod.otherIPs];
  // Pods of the host's network share its address.
  for (const address of at === 'NODE' ? [] : own) {
    const reserved = allocations.reserve('pods', ownerOf(pod), address);
    const field = address === pod.podIP ? 'status.podIP' : 'status.podIPs';
    if (!reserved.ok) problems.push(problem(pod, field, reserved.error));
  }
  if (pod.appAddress !== '' && at === 'APPLICATION') {
    const reserved = allocations.reserve('apps', ownerOf(pod), pod.appAddress);
    if (!reserved.ok) problems.push(problem(pod, annotation, reserved.error));
  }
  return problems;
}

function allocate(
  allocations: Allocations,
  pod: PodObject,
  listening: Listening,
  refused: readonly Rejection[],
): Placed {
  const problems = [...refused];
  const given = (field: string, kind: 'pods' | 'apps', address: string): string => {
    if (problems.some((one) => one.field === field)) return '';
    if (address !== '') return address;
    const allocated = allocations.get(kind, ownerOf(pod));
    if (allocated.ok) return allocated.value;
    problems.push(problem(pod, field, allocated.error));
    return '';
  };
  const podIP =
    listening.at === 'NODE'
      ? pod.podIP || nodeAddress(pod, listening.address, problems)
      : given('status.podIP', 'pods', pod.podIP);
  const app = listening.at === 'APPLICATION' ? given(annotation, 'apps', pod.appAddress) : podIP;
  if (listening.at !== 'APPLICATION' && pod.appAddress !== '' && pod.appAddress !== podIP)
    problems.push(withoutEffect(pod, podIP));
  if (pod.nodeName === '')
    problems.push(
      problem(pod, 'spec.nodeName', 'names no node: no proxy serves the pod and it gets no token'),
    );
  const others = problems.some((one) => one.field === 'status.podIPs') ? [] : pod.otherIPs;
  return { pod: withAddresses(pod, app === '' ? [] : [podIP, ...others], app), problems };
}

function nodeAddress(pod: PodObject, address: string, problems: Rejection[]): string {
  if (address === '')
    problems.push(
      problem(
        pod,
        'spec.hostNetwork',
        `the pod has its node's address, and the node ${pod.nodeName} has none: give the Node an InternalIP, or the pod a status.podIP`,
      ),
    );
  return address;
}

const withAddresses = (
  pod: PodObject,
  [podIP = '', ...otherIPs]: readonly string[],
  appAddress: string,
): PodObject => ({ ...pod, podIP, otherIPs, appAddress });

const problem = (pod: PodObject, field: string, message: string): Rejection => ({
  code: 'NOT_PLACED',
  severity: 'ERROR',
  object: `Pod ${ownerOf(pod)}`,
  field,
  message,
  file: '',
  line: 0,
});

const withoutEffect = (pod: PodObject, podIP: string): Rejection => ({
  ...problem(
    pod,
    annotation,
    `has no effect: no proxy stands before a pod outside the mesh, so it is reached, and asked whether it is ready, at ${podIP}; listen there`,
  ),
  code: 'NO_EFFECT',
  severity: 'WARNING',
});
