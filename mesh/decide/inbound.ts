import { parseAuthority, type Authority } from '../hbone/authority.ts';
import { canonicalAddress, type AddressPort } from '../net/address.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { proxyPorts } from './proxy-ports.ts';
import { targetPortOf } from './target-port.ts';

export interface InboundRequest {
  /** For whom the connection came. */
  readonly workload: Workload;
  /** What was called before it was captured. */
  readonly destination: AddressPort;
  /** The CONNECT's `:authority`; undefined for plaintext and Istio mTLS, which come to the port itself. */
  readonly authority?: string | undefined;
}

export type InboundDecision =
  /** To the workload itself, on that port; the address is always the one that the connection came to. */
  | { readonly kind: 'deliver'; readonly port: number; readonly service: Service | undefined }
  /** The status of the CONNECT; what has no CONNECT is closed. */
  | { readonly kind: 'refuse'; readonly status: 400 | 503; readonly message: string };

/** What a connection that arrived for a workload means, as Istio's ztunnel reads it. */
export function decideInbound(state: MeshState, request: InboundRequest): InboundDecision {
  const { workload, destination } = request;
  if (!workload.addresses.includes(destination.address))
    return refuse(503, `NOT_ITS_ADDRESS: ${destination.address} is not an address of ${workload.uid}`);
  const decision = meant(state, request);
  if (decision.kind === 'deliver' && proxyPorts.has(decision.port))
    return refuse(503, `port ${decision.port} belongs to the proxy itself`);
  return decision;
}

function meant(state: MeshState, { workload, destination, authority }: InboundRequest): InboundDecision {
  if (authority === undefined) return { kind: 'deliver', port: destination.port, service: undefined };
  const parsed = parseAuthority(authority);
  if (!parsed.ok) return refuse(400, parsed.error);
  return parsed.value.kind === 'address'
    ? byAddress(destination.address, parsed.value)
    : byHostname(state, workload, parsed.value);
}

const refuse = (status: 400 | 503, message: string): InboundDecision => ({ kind: 'refuse', status, message });

/** The address in the authority is checked, never dialled. */
const byAddress = (address: string, { host, port }: Authority): InboundDecision =>
  canonicalAddress(host) === address
    ? { kind: 'deliver', port, service: undefined }
    : refuse(400, `the CONNECT names ${host}, the connection came to ${address}`);

/** Membership is not asked for: a workload that its own cluster's clients leave alone still serves other clusters. */
function byHostname(state: MeshState, workload: Workload, { host, port }: Authority): InboundDecision {
  const service = state.services.withHostname(host, workload.namespace);
  if (!service) return refuse(503, `${host} is not a known service`);
  const target = targetPortOf(service, workload, port);
  return target === 0
    ? refuse(503, `${workload.uid} serves no port ${port} of ${host}`)
    : { kind: 'deliver', port: target, service };
}
