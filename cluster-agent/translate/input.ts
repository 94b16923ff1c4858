import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import { formatWorkloadIdentity, workloadIdentity, type SpiffeId } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { ClusterIdentity } from '../cluster-identity.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { HubView } from '../view/hub-view.ts';
import type { Health } from '../health/tracker.ts';
import { isProvenBy } from '../health/judge.ts';
import { nodeProxyOf } from '../view/node-proxy.ts';

/** All that a translation rests on. */
export interface TranslateInput extends ClusterIdentity {
  readonly view: ClusterView;
  readonly hub: HubView;
  /** What the place where the cluster runs says of a service. */
  readonly serviceConditions: (service: ServiceObject) => readonly Condition[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** Istio's own ztunnels, by `<namespace>/<pod>`. */
  readonly upstreamZtunnels: ReadonlySet<string>;
  readonly health: Health;
}

/** When, after now, the first deadline of a drain is over; Infinity when none is awaited. */
export const nextDeadline = ({ hub, now }: TranslateInput): number =>
  [...hub.diversions.values()]
    .map(({ deadline = Infinity }) => deadline)
    .filter((deadline) => deadline > now)
    .reduce((first, deadline) => Math.min(first, deadline), Infinity);

export { rootNamespace };

/** The network that the system namespace's label names; '' when none does. */
export const networkOf = ({ view }: TranslateInput): string =>
  view.namespace(rootNamespace)?.metadata.labels['topology.istio.io/network'] ?? '';

/** Whether an ambient pod is served by Istio's own ztunnel: its node's, or one that serves this pod alone. */
export function isServedByUpstream(
  { view, upstreamZtunnels, health }: TranslateInput,
  pod: PodObject,
): boolean {
  if (upstreamZtunnels.size === 0) return false;
  const isOne = ({ metadata }: PodObject) => upstreamZtunnels.has(`${metadata.namespace}/${metadata.name}`);
  const verdict = health.of(pod);
  const ofNode = nodeProxyOf(view, pod.nodeName, (proxy) => isProvenBy(verdict, proxy));
  return isOne(pod) || (ofNode !== undefined && isOne(ofNode));
}

export const identityFor = (
  { trustDomain }: TranslateInput,
  namespace: string,
  serviceAccount: string,
): SpiffeId => formatWorkloadIdentity(workloadIdentity(trustDomain, namespace, serviceAccount));
