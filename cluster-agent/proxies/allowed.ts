import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Pods } from '../ca/node-authorizer.ts';
import { authorizeIdentity } from '../ca/node-authorizer.ts';
import type { Caller } from '../ca/authenticator.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { HubView } from '../view/hub-view.ts';
import type { ProxyClient } from '../xds/proxy-client.ts';
import type { Allowed } from './proxy-facts.ts';

/** What decides which entries of a report are taken. */
export interface Surroundings {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  readonly view: ClusterView;
  readonly pods: Pods;
  readonly hub: Pick<HubView, 'members'>;
  readonly snapshot: ClusterSnapshot | undefined;
  /** Whether a virtual address is that of a service at this proxy, `<namespace>/<pod>`. */
  readonly isVipOf: (client: string, address: string) => boolean;
}

/**
 * A proxy may report about identities that it may have certificates of, addresses of pods that it serves and its own
 * virtual ones, services of its cluster's state, and its own and other members. Pure.
 */
export function allowedTo(client: ProxyClient, caller: Caller, around: Surroundings): Allowed {
  const { cluster, trustDomain, pods, hub, snapshot, isVipOf } = around;
  return {
    identity: (identity) => authorizeIdentity(caller, identity, trustDomain, pods).ok,
    place: ({ address }) => isVipOf(client.key, address) || serves(client, address, around),
    service: (service) => snapshot?.services.has(service) ?? false,
    cluster: (name) => name === cluster || hub.members.has(name),
  };
}

/** A node's proxy listens at the addresses of the pods on its node; others at those of their own pod. */
function serves({ kind, namespace, pod }: ProxyClient, address: string, { view }: Surroundings): boolean {
  const own = view.get('Pod', namespace, pod);
  if (!own) return false;
  if (own.podIP === address) return true;
  if (kind !== 'ztunnel') return false;
  for (const { podIP } of view.podsOn(own.nodeName)) if (podIP === address) return true;
  return false;
}
