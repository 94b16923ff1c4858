import { weightedOrder } from '../balance/weighted-order.ts';
import { parseAuthority } from '../hbone/authority.ts';
import type { Random } from '../process/random.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';

export interface GatewayRequest {
  /** The gateway's own network and cluster. */
  readonly network: string;
  readonly cluster: string;
  readonly via:
    /** On 15008, where the peer has proved which cluster it is of. */
    | { readonly kind: 'connect'; readonly authority: string; readonly peerCluster: string; readonly target: string | undefined }
    /** On 15443, where nothing is terminated: the destination checks the grant. */
    | { readonly kind: 'sni'; readonly sni: string | undefined };
}

export type GatewayRefusal = 'BAD_REQUEST' | 'NOT_A_SERVICE' | 'NOT_EXPORTED' | 'NOT_GRANTED' | 'OTHER_CLUSTER' | 'NO_HEALTHY_ENDPOINT';

export type GatewayDecision =
  | { readonly kind: 'forward'; readonly service: Service; readonly candidates: readonly { readonly workload: Workload; readonly address: string; readonly port: number }[] }
  | { readonly kind: 'refuse'; readonly status: 400 | 403 | 404 | 503; readonly code: GatewayRefusal; readonly message: string };

const mostCandidates = 3;
const hbonePort = 15008;

const refuse = (status: 400 | 403 | 404 | 503, code: GatewayRefusal, message: string): GatewayDecision => ({
  ...{ kind: 'refuse', status, code, message },
});

/**
 * What an east-west gateway does: it forwards exact host:port pairs that its own network exports, to healthy
 * endpoints of its own cluster, and is no relay for anything else.
 */
export function decideGateway(state: MeshState, request: GatewayRequest, random: Random): GatewayDecision {
  const { via } = request;
  const wanted = via.kind === 'connect' ? hostOf(via.authority) : hostOfSni(via.sni);
  if (typeof wanted === 'string') return refuse(400, 'BAD_REQUEST', wanted);
  if (!wanted.isName) return refuse(404, 'NOT_A_SERVICE', `${wanted.host} is an address: a gateway forwards to exported services only`);
  const service = exportedService(state, wanted);
  if (!service) return refuse(404, 'NOT_EXPORTED', `${wanted.host}:${wanted.port} is not exported by network ${request.network}`);
  if (via.kind === 'connect') {
    const refusal = checkCaller(service, request, via);
    if (refusal) return refusal;
  }
  const candidates = endpoints(state, service, wanted.port, request, random);
  return candidates.length > 0
    ? { kind: 'forward', service, candidates }
    : refuse(503, 'NO_HEALTHY_ENDPOINT', `${service.hostname} has no healthy endpoint in network ${request.network}`);
}

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly isName: boolean;
}

function hostOf(authority: string): Wanted | string {
  const parsed = parseAuthority(authority);
  return parsed.ok ? { ...parsed.value, isName: parsed.value.kind === 'hostname' } : parsed.error;
}

/** `outbound_.<port>_.<subset>_.<hostname>`, as Istio's sidecars write it; subsets are not told apart. */
function hostOfSni(sni: string | undefined): Wanted | string {
  const [, port, host] = /^outbound_\.(\d{1,5})_\.[^_]*_\.([A-Za-z0-9.-]+)$/.exec(sni ?? '') ?? [];
  if (port === undefined || host === undefined) return 'the server name is not outbound_.<port>_.<subset>_.<host>';
  return { host: host.toLowerCase(), port: Number(port), isName: !/^[\d.]+$/.test(host) };
}

/** Host names are unique to a namespace, so the exact key is looked up, in whatever namespace it is. */
function exportedService(state: MeshState, { host, port }: Wanted): Service | undefined {
  for (const service of state.services.all())
    if (service.hostname === host && service.exported && service.ports.some(({ servicePort }) => servicePort === port)) return service;
  return undefined;
}

function checkCaller(
  service: Service,
  { cluster }: GatewayRequest,
  via: { readonly peerCluster: string; readonly target: string | undefined },
): GatewayDecision | undefined {
  if (via.peerCluster !== cluster && !service.grantedClusters.includes(via.peerCluster))
    return refuse(403, 'NOT_GRANTED', `the grant of ${service.hostname} does not cover cluster ${via.peerCluster}`);
  const wanted = via.target?.split('/')[0];
  if (wanted !== undefined && wanted !== cluster)
    return refuse(503, 'OTHER_CLUSTER', `this gateway serves cluster ${cluster}, not ${wanted}`);
  return undefined;
}

function endpoints(state: MeshState, service: Service, port: number, { network, cluster, via }: GatewayRequest, random: Random) {
  const local = state.workloads
    .ofService(service.key)
    .filter((one) => one.network === network && one.cluster === cluster && one.status === 'HEALTHY' && one.addresses.length > 0)
    .filter((one) => via.kind === 'sni' || one.transport === 'hbone')
    .filter((one) => via.kind === 'connect' || one.transport === 'istio-mtls' || one.classicClients);
  const near = via.kind === 'connect' ? local.filter((one) => inZone(one, via.target)) : local;
  return weightedOrder(near, () => 1, random, mostCandidates).flatMap((workload) => {
    const address = workload.addresses[0] ?? '';
    const target = via.kind === 'connect' ? hbonePort : targetPort(service, workload, port);
    return target === 0 ? [] : [{ workload, address, port: target }];
  });
}

/** `cluster/region/zone`: what is named must match. */
function inZone({ locality }: Workload, target: string | undefined): boolean {
  const [, region = '', zone = ''] = target?.split('/') ?? [];
  return (region === '' || region === locality.region) && (zone === '' || zone === locality.zone);
}

function targetPort(service: Service, workload: Workload, port: number): number {
  const mapped = workload.services.get(service.key)?.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0;
  return mapped !== 0 ? mapped : (service.ports.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0);
}
