import { drawUsable } from '../balance/draw-usable.ts';
import { parseAuthority } from '../hbone/authority.ts';
import { canonicalAddress } from '../net/address.ts';
import type { Random } from '../process/random.ts';
import { err, ok, type Result } from '../result.ts';
import type { EndpointPlace } from '../state/endpoint-groups.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { offersIstioMtls } from '../tls/istio-alpn.ts';
import { hbonePort } from './proxy-ports.ts';
import { parsePassthroughSni } from './sni.ts';
import { targetPortOf } from './target-port.ts';
import { terminatesIstioMtls } from './transports.ts';

interface Place {
  /** The gateway's own. */
  readonly network: string;
  readonly cluster: string;
}

/** On 15008, where the peer has proved which cluster it is of. */
interface ConnectAtGateway extends Place {
  readonly authority: string;
  /** The cluster whose intermediate issued the peer's certificate; undefined is covered by no grant. */
  readonly peer?: { readonly cluster: string } | undefined;
  /** The header `x-isthmus-target`, `cluster/region/zone`; an empty part asks for nothing. */
  readonly target?: string | undefined;
}

/** On 15443, where nothing is terminated: the destination checks the grant. */
interface PassthroughAtGateway extends Place {
  readonly sni: string | undefined;
  /** What the client hello offers. */
  readonly alpn: readonly string[];
}

export type GatewayRequest = ConnectAtGateway | PassthroughAtGateway;

/** Why a gateway forwards nothing, and the status of its CONNECT. Stable: logs and metrics carry it. */
type GatewayRefusal =
  | 'BAD_REQUEST'
  /** A pod address, a node port, localhost, or a name that nothing here has. */
  | 'NOT_A_SERVICE'
  | 'NOT_EXPORTED'
  | 'NOT_GRANTED'
  /** No mTLS of the mesh: a destination that is PERMISSIVE would take it for plaintext of its own network. */
  | 'NOT_ISTIO_MTLS'
  /** It lives elsewhere: a gateway never forwards to another network. */
  | 'OTHER_NETWORK'
  | 'NO_HEALTHY_ENDPOINT';

interface GatewayCandidate {
  readonly workload: Workload;
  readonly address: string;
  readonly port: number;
}

export type GatewayDecision =
  /** To be dialled in order; at most three. */
  | {
      readonly kind: 'forward';
      readonly service: Service;
      readonly candidates: readonly GatewayCandidate[];
    }
  | {
      readonly kind: 'refuse';
      readonly status: 400 | 403 | 404 | 503;
      readonly code: GatewayRefusal;
      readonly message: string;
    };

type Refused = Extract<GatewayDecision, { kind: 'refuse' }>;

const statuses: Readonly<Record<GatewayRefusal, Refused['status']>> = {
  BAD_REQUEST: 400,
  NOT_A_SERVICE: 404,
  NOT_EXPORTED: 404,
  NOT_GRANTED: 403,
  NOT_ISTIO_MTLS: 403,
  OTHER_NETWORK: 503,
  NO_HEALTHY_ENDPOINT: 503,
};

const maxCandidates = 3;

const refuse = (code: GatewayRefusal, message: string): Refused => ({
  kind: 'refuse',
  status: statuses[code],
  code,
  message,
});

/**
 * What an east-west gateway does: it forwards exact host:port pairs that its own network exports to healthy
 * endpoints there, for callers that the grant covers, and is not a relay for anything else.
 */
export function decideGateway(state: MeshState, request: GatewayRequest, random: Random): GatewayDecision {
  const named = hostPortOf(request);
  if (!named.ok) return named.error;
  const service = exportedService(state, named.value, request);
  if (!service.ok) return service.error;
  const refusal = notGranted(service.value, request);
  if (refusal) return refusal;
  const candidates = endpointsFor(state, service.value, named.value.port, request, random);
  if (candidates.length === 0) return nothingUsable(state, service.value, request);
  return { kind: 'forward', service: service.value, candidates };
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

function hostPortOf(request: GatewayRequest): Result<HostPort, Refused> {
  const named = 'authority' in request ? fromAuthority(request.authority) : fromHello(request);
  if (!named.ok || canonicalAddress(named.value.host) === undefined) return named;
  return err(
    refuse('NOT_A_SERVICE', `${named.value.host} is an address: only exported services are forwarded to`),
  );
}

function fromAuthority(authority: string): Result<HostPort, Refused> {
  const parsed = parseAuthority(authority);
  return parsed.ok ? parsed : err(refuse('BAD_REQUEST', parsed.error));
}

function fromHello({ sni, alpn }: PassthroughAtGateway): Result<HostPort, Refused> {
  if (!offersIstioMtls(alpn))
    return err(refuse('NOT_ISTIO_MTLS', 'the client hello offers no ALPN of Istio mTLS, such as istio'));
  const named = parsePassthroughSni(sni ?? '');
  return named ? ok(named) : err(refuse('BAD_REQUEST', 'the server name is not outbound_.<port>_._.<host>'));
}

function exportedService(
  state: MeshState,
  { host, port }: HostPort,
  { network }: Place,
): Result<Service, Refused> {
  const named = state.services.allWithHostname(host);
  const exported = named.filter((service) => service.exported);
  const [found] = exported.filter(({ ports }) => ports.some(({ servicePort }) => servicePort === port));
  if (found) return ok(found);
  if (named.length === 0) return err(refuse('NOT_A_SERVICE', `${host} is not a known service`));
  if (exported.length === 0 && named.every((service) => livesElsewhere(state, service, network)))
    return err(refuse('OTHER_NETWORK', `${host} is not of network ${network}`));
  return err(refuse('NOT_EXPORTED', `${host}:${port} is not exported by network ${network}`));
}

const livesElsewhere = ({ workloads }: MeshState, { key }: Service, network: string): boolean =>
  workloads.isBacked(key) && !workloads.isBacked(key, { network });

function notGranted({ hostname, grantedClusters }: Service, request: GatewayRequest): Refused | undefined {
  if (!('authority' in request)) return undefined;
  const cluster = request.peer?.cluster;
  if (cluster !== undefined && grantedClusters.includes(cluster)) return undefined;
  return refuse('NOT_GRANTED', `the grant of ${hostname} does not cover cluster ${cluster ?? '(unknown)'}`);
}

/** What the header names must match; without it the gateway's own cluster serves. */
function targetOf(request: GatewayRequest): { cluster: string; region: string; zone: string } {
  const header = 'authority' in request ? (request.target ?? '') : '';
  const [cluster = '', region = '', zone = ''] = header.split('/').map((part) => part.trim());
  return { cluster: cluster || request.cluster, region, zone };
}

function endpointsFor(
  state: MeshState,
  service: Service,
  servicePort: number,
  request: GatewayRequest,
  random: Random,
): readonly GatewayCandidate[] {
  const { cluster, region, zone } = targetOf(request);
  const isConnect = 'authority' in request;
  const matches = (place: EndpointPlace): boolean =>
    (isConnect ? place.transport === 'hbone' : terminatesIstioMtls(place)) && isIn(place, { region, zone });
  const found: GatewayCandidate[] = [];
  drawUsable(
    [state.endpoints.at(service, { network: request.network, cluster }, matches)],
    random,
    (workload) => {
      const [address, port] = [workload.addresses[0], targetPortOf(service, workload, servicePort)];
      if (address === undefined || port === 0) return 'USELESS';
      found.push({ workload, address, port: isConnect ? hbonePort : port });
      return found.length < maxCandidates ? 'MORE' : 'ENOUGH';
    },
  );
  return found;
}

const isIn = ({ locality }: EndpointPlace, { region, zone }: { region: string; zone: string }): boolean =>
  (region === '' || region === locality.region) && (zone === '' || zone === locality.zone);

function nothingUsable(state: MeshState, service: Service, request: GatewayRequest): Refused {
  const { cluster, region, zone } = targetOf(request);
  const here = state.workloads.isBacked(service.key, { network: request.network, cluster });
  if (cluster !== request.cluster && !here)
    return refuse('OTHER_NETWORK', `cluster ${cluster} is not reached through network ${request.network}`);
  const place = [cluster, region, zone].filter((part) => part !== '').join('/');
  return refuse(
    'NO_HEALTHY_ENDPOINT',
    `${service.hostname} has no endpoint in ${place} that can be forwarded to`,
  );
}
