import { formatWorkloadIdentity, type TrustDomain } from '../identity/spiffe-id.ts';
import { err, ok, type Result } from '../result.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';
import type { OutboundRefusal, Route } from './outbound.ts';

/** What is asked of one endpoint: its own port, or a port of a service that it backs. */
export type Wanted = {
  readonly address: string;
  readonly targetPort: number;
  readonly authority: string;
} & ({ readonly kind: 'pod' } | { readonly kind: 'service'; readonly service: Service; readonly servicePort: number });

export type RouteOutcome = Result<Route, { readonly code: OutboundRefusal; readonly message: string }>;

const hbonePort = 15008;

const refuse = (code: OutboundRefusal, message: string): RouteOutcome => err({ code, message });

/** A workload's own SPIFFE ID, as its certificate has it. */
export const identityOf = (workload: Workload): string =>
  formatWorkloadIdentity({ ...workload, trustDomain: workload.trustDomain as TrustDomain });

/** How one client reaches one endpoint: what both can speak, and whether a network lies between. */
export function routeTo(state: MeshState, source: Workload, workload: Workload, wanted: Wanted): RouteOutcome {
  if (workload.network !== source.network) return across(state, source, workload, wanted);
  if (workload.addresses.length === 0) return refuse('NO_HEALTHY_UPSTREAM', `${workload.uid} has no address`);
  if (source.transport === 'plaintext' || workload.transport === 'plaintext') return plaintext(workload, wanted);
  // A classic sidecar speaks no HBONE, in either role.
  if (source.sidecar || workload.transport === 'istio-mtls') return istioMtls(source, workload, wanted);
  const { address, authority } = wanted;
  return ok({ kind: 'hbone', workload, address, port: hbonePort, authority, expect: expected(workload, wanted) });
}

const plaintext = (workload: Workload, { address, targetPort }: Wanted): RouteOutcome =>
  ok({ kind: 'plaintext', workload, address, port: targetPort });

function istioMtls(source: Workload, workload: Workload, wanted: Wanted): RouteOutcome {
  if (workload.transport === 'hbone' && !workload.classicClients)
    return refuse('PEER_CANNOT_TERMINATE', `${workload.uid} does not terminate Istio mTLS, which ${source.uid} speaks`);
  const { address, targetPort } = wanted;
  return ok({ kind: 'istio-mtls', workload, address, port: targetPort, sni: sniOf(wanted), expect: expected(workload, wanted) });
}

/** Across networks: through a gateway of the other network, by service name only, and always with mTLS. */
function across(state: MeshState, source: Workload, workload: Workload, wanted: Wanted): RouteOutcome {
  if (source.transport === 'plaintext') return refuse('NO_MTLS', `${source.uid} is in no mesh mode: it may not leave its network`);
  if (wanted.kind === 'pod') return refuse('NO_GATEWAY', `${workload.uid} is in network ${workload.network}: only services can be reached there`);
  if (workload.transport === 'plaintext') return refuse('NO_MTLS', `${workload.uid} is in another network and speaks no mTLS`);
  const gateway = gatewayOf(state, workload);
  if (!gateway) return refuse('NO_GATEWAY', `no gateway of network ${workload.network} is known`);
  const expect = acrossNames(workload, wanted);
  if (expect.length === 0) return refuse('NO_IDENTITY_KNOWN', `nothing is known of who answers for ${wanted.service.hostname} in network ${workload.network}`);
  if (workload.transport === 'istio-mtls' || source.sidecar) return passthrough(workload, gateway, wanted, expect);
  return ok({
    ...{ kind: 'double-hbone', workload, expect, authority: `${wanted.service.hostname}:${wanted.servicePort}` },
    gateway: { address: gateway.address, port: gateway.port, expect: [identityOf(gateway.workload)] },
    target: [workload.cluster, workload.locality.region, workload.locality.zone].join('/'),
  });
}

function passthrough(workload: Workload, gateway: Gateway, wanted: Wanted, expect: readonly string[]): RouteOutcome {
  if (workload.transport === 'hbone' && !workload.classicClients)
    return refuse('PEER_CANNOT_TERMINATE', `network ${workload.network} does not terminate Istio mTLS for this service`);
  if (workload.passthroughPort === 0) return refuse('NO_GATEWAY', `the gateway of ${workload.network} has no SNI passthrough`);
  const { address } = gateway;
  return ok({ kind: 'istio-mtls', workload, address, port: workload.passthroughPort, sni: sniOf(wanted), expect });
}

const sniOf = (wanted: Wanted): string =>
  wanted.kind === 'service'
    ? `outbound_.${wanted.servicePort}_._.${wanted.service.hostname}`
    : `outbound_.${wanted.targetPort}_._.${wanted.address}`;

/** In one network the chosen workload answers, or another name that the service lists. */
const expected = (workload: Workload, wanted: Wanted): readonly string[] => [
  identityOf(workload),
  ...(wanted.kind === 'service' ? wanted.service.subjectAltNames : []),
];

/** Across networks it is not known which workload answers: the entry's names, or else the service's. */
const acrossNames = (workload: Workload, wanted: { service: Service }): readonly string[] =>
  workload.subjectAltNames.length > 0 ? workload.subjectAltNames : wanted.service.subjectAltNames;

interface Gateway {
  readonly workload: Workload;
  readonly address: string;
  readonly port: number;
}

/** The gateway is itself a workload of the state: without its identity nobody could be expected there. */
function gatewayOf(state: MeshState, { networkGateway }: Workload): Gateway | undefined {
  if (networkGateway?.kind === 'address') {
    const { network, address, hbonePort: port } = networkGateway;
    const workload = state.workloads.atAddress(network, address);
    return workload && { workload, address, port };
  }
  if (networkGateway?.kind === 'hostname') {
    const workload = state.workloads.withHostname(networkGateway.namespace, networkGateway.hostname);
    const address = workload?.addresses[0];
    return workload && address !== undefined ? { workload, address, port: networkGateway.hbonePort } : undefined;
  }
  return undefined;
}
