import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { WholeView } from './view.ts';
import type { HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import type { Health } from '@isthmus/cluster-agent/health/tracker.ts';
import { isProvenBy } from '@isthmus/cluster-agent/health/judge.ts';
import { nodeProxyOf } from './node-proxy.ts';

/** All that a whole translation rests on. */
export interface WholeInput {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  readonly view: WholeView;
  readonly hub: HubView;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Istio's own ztunnels, by `<namespace>/<pod>`. */
  readonly upstreamZtunnels: ReadonlySet<string>;
  readonly health: Health;
  /** Where all proxies have the same addresses of services: those of services that are only elsewhere. */
  readonly reserved?: ReadonlyMap<string, string>;
}

export { rootNamespace };

/** The network that the system namespace's label names; '' when none does. */
export const networkOf = ({ view }: WholeInput): string =>
  view.namespace(rootNamespace)?.metadata.labels['topology.istio.io/network'] ?? '';

/** Whether an ambient pod is served by Istio's own ztunnel: its node's, or one that serves this pod alone. */
export function isServedByUpstream({ view, upstreamZtunnels, health }: WholeInput, pod: PodObject): boolean {
  if (upstreamZtunnels.size === 0) return false;
  const isOne = ({ metadata }: PodObject) => upstreamZtunnels.has(`${metadata.namespace}/${metadata.name}`);
  const verdict = health.of(pod);
  const ofNode = nodeProxyOf(view, pod.nodeName, (proxy) => isProvenBy(verdict, proxy));
  return isOne(pod) || (ofNode !== undefined && isOne(ofNode));
}

export const hostnameOf = ({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string => `${name}.${namespace}.svc.cluster.local`;

export const serviceKeyOf = (ref: { readonly namespace: string; readonly name: string }): string =>
  `${ref.namespace}/${hostnameOf(ref)}`;

export const identityFor = ({ trustDomain }: WholeInput, namespace: string, serviceAccount: string): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount === '' ? 'default' : serviceAccount}`;
