import type { Authority } from '../hbone/authority.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';

export type InboundDecision =
  /** To the workload itself, on that port; the address is always the one that the connection came to. */
  | { readonly kind: 'deliver'; readonly port: number; readonly service: Service | undefined }
  | { readonly kind: 'refuse'; readonly status: 400 | 503; readonly message: string };

const illegalPorts = new Set([15001, 15006, 15008, 15080]);

/** What an HBONE CONNECT that arrived for a workload means, as Istio's ztunnel reads it. */
export function decideInbound(state: MeshState, workload: Workload, address: string, authority: Authority): InboundDecision {
  const decision = authority.kind === 'address' ? byAddress(address, authority) : byHostname(state, workload, authority);
  if (decision.kind === 'deliver' && illegalPorts.has(decision.port))
    return refuse(503, `port ${decision.port} belongs to the proxy itself`);
  return decision;
}

const refuse = (status: 400 | 503, message: string): InboundDecision => ({ kind: 'refuse', status, message });

/** The address in the authority is checked, never dialled. */
const byAddress = (address: string, authority: Authority): InboundDecision =>
  authority.host === address
    ? { kind: 'deliver', port: authority.port, service: undefined }
    : refuse(400, `the CONNECT names ${authority.host}, the connection came to ${address}`);

function byHostname(state: MeshState, workload: Workload, { host, port }: Authority): InboundDecision {
  const service = state.services.withHostname(host, workload.namespace);
  if (!service) return refuse(503, `${host} is no service of this mesh`);
  const mapped = workload.services.get(service.key)?.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0;
  const target = mapped !== 0 ? mapped : (service.ports.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0);
  return target === 0 ? refuse(503, `${host} has no port ${port} here`) : { kind: 'deliver', port: target, service };
}
