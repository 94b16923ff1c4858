import type { MeshState } from '../state/mesh-state.ts';

/**
 * Why plaintext from an address may not come to a workload of `network`, or undefined where PeerAuthentication decides.
 * Networks meet at gateways only, and a gateway passes mTLS only: plaintext that comes from a gateway, or from a
 * workload of another network, has gone round both. An address that is a workload's of this network too is that one's,
 * as networks may use the same addresses.
 */
export function plaintextRefusal(
  state: MeshState,
  network: string,
  address: string,
): { readonly code: 'FROM_GATEWAY' | 'OTHER_NETWORK'; readonly message: string } | undefined {
  const { workloads } = state;
  if (workloads.isGateway(network, address))
    return {
      code: 'FROM_GATEWAY',
      message: `plaintext from the east-west gateway ${address}: only mTLS passes a gateway`,
    };
  if (workloads.atAddress(network, address)) return undefined;
  const elsewhere = workloads.anywhereAt(address).find((one) => one.network !== network);
  if (!elsewhere) return undefined;
  const message = `plaintext from ${elsewhere.uid} of network ${elsewhere.network}: networks are joined by mTLS only`;
  return { code: 'OTHER_NETWORK', message };
}
