import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { ownIdentity, type ProxyConfig } from '../configuration.ts';

/**
 * The SPIFFE ID of a gateway: that of its own workload, as the control plane alone knows the mesh's trust domain. By
 * its configuration until the control plane has said it.
 */
export function gatewayIdentity(state: MeshState, config: ProxyConfig): string {
  const own = state.workloads.atAddress(config.network, config.address);
  const isOurs = own?.namespace === config.namespace && own.name === config.podName;
  return isOurs ? identityOf(own) : ownIdentity(config);
}
