import { rank } from '../balance/rank.ts';
import { weightedOrder } from '../balance/weighted-order.ts';
import { formatAuthority } from '../hbone/authority.ts';
import type { Random } from '../process/random.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';
import { routeKey } from './route-key.ts';
import { routeTo, type RouteOutcome } from './route-to.ts';

/** One way to reach one endpoint. Everything that carrying it out needs is in it. */
export type Route =
  | { readonly kind: 'plaintext'; readonly workload: Workload; readonly address: string; readonly port: number }
  | {
      readonly kind: 'hbone';
      readonly workload: Workload;
      readonly address: string;
      readonly port: number;
      readonly authority: string;
      readonly expect: readonly string[];
    }
  | {
      readonly kind: 'double-hbone';
      readonly workload: Workload;
      readonly gateway: { readonly address: string; readonly port: number; readonly expect: readonly string[] };
      /** Of both CONNECTs: `hostname:servicePort`. */
      readonly authority: string;
      /** SPIFFE IDs of which the innermost peer must bear one. Never empty. */
      readonly expect: readonly string[];
      /** `cluster/region/zone` for the outer header `x-isthmus-target`. */
      readonly target: string;
    }
  | {
      readonly kind: 'istio-mtls';
      readonly workload: Workload;
      /** The pod itself, or the gateway's passthrough port when it is in another network. */
      readonly address: string;
      readonly port: number;
      /** `outbound_.<port>_.<subset>_.<hostname>`, as Istio's sidecars name a passthrough. */
      readonly sni: string;
      readonly expect: readonly string[];
    };

export interface OutboundRequest {
  readonly source: Workload;
  readonly target:
    | { readonly kind: 'address'; readonly address: string; readonly port: number }
    | { readonly kind: 'hostname'; readonly hostname: string; readonly port: number };
}

export type OutboundRefusal =
  | 'ILLEGAL_PORT'
  | 'UNKNOWN_HOST'
  | 'NO_SUCH_PORT'
  | 'NO_HEALTHY_UPSTREAM'
  | 'WAYPOINT_UNSUPPORTED'
  | 'NO_MTLS'
  | 'PEER_CANNOT_TERMINATE'
  | 'NO_GATEWAY'
  | 'NO_IDENTITY_KNOWN';

export type OutboundDecision =
  /** To be tried in order; at most three, the nearest first. */
  | { readonly kind: 'routes'; readonly service: Service | undefined; readonly routes: readonly Route[] }
  /** No part of the mesh: plain TCP to where it was going. */
  | { readonly kind: 'passthrough'; readonly address: string; readonly port: number }
  | { readonly kind: 'refuse'; readonly code: OutboundRefusal; readonly message: string };

const mostRoutes = 3;
/** Ports of the proxies themselves: a connection to them is a loop. */
const illegalPorts = new Set([15001, 15006, 15008, 15080]);

/**
 * Where a captured connection goes, as Istio's ztunnel decides it: VIP before pod, nearest healthy endpoints by
 * weight, HBONE or plaintext inside the network, and only service-addressed traffic across networks. Never plaintext
 * where a gateway is missing.
 */
export function decideOutbound(
  state: MeshState,
  request: OutboundRequest,
  random: Random,
  avoid: (key: string) => boolean = () => false,
): OutboundDecision {
  const { source, target } = request;
  if (target.kind === 'hostname') {
    const service = state.services.withHostname(target.hostname, source.namespace);
    return service
      ? toService(state, source, service, target.port, random, avoid)
      : refuse('UNKNOWN_HOST', `${target.hostname} is no service of this mesh`);
  }
  if (target.address.startsWith('127.0.0.1') && illegalPorts.has(target.port))
    return refuse('ILLEGAL_PORT', `port ${target.port} belongs to the proxy itself`);
  const found = state.findUpstream(source.network, target.address, source.namespace);
  if (!found) return { kind: 'passthrough', address: target.address, port: target.port };
  return found.kind === 'service'
    ? toService(state, source, found.service, target.port, random, avoid)
    : toWorkload(state, source, found.workload, target.port);
}

const refuse = (code: OutboundRefusal, message: string): OutboundDecision => ({ kind: 'refuse', code, message });

function toWorkload(state: MeshState, source: Workload, workload: Workload, port: number): OutboundDecision {
  if (workload.waypoint) return refuse('WAYPOINT_UNSUPPORTED', `${workload.uid} demands a waypoint, and there is none yet`);
  const address = workload.addresses[0] ?? '';
  const outcome = routeTo(state, source, workload, { kind: 'pod', address, targetPort: port, authority: formatAuthority(address, port) });
  return outcome.ok ? { kind: 'routes', service: undefined, routes: [outcome.value] } : refuse(outcome.error.code, outcome.error.message);
}

function toService(
  state: MeshState,
  source: Workload,
  service: Service,
  port: number,
  random: Random,
  avoid: (key: string) => boolean,
): OutboundDecision {
  if (service.waypoint) return refuse('WAYPOINT_UNSUPPORTED', `${service.hostname} demands a waypoint, and there is none yet`);
  if (service.mode === 'PASSTHROUGH') return { kind: 'passthrough', address: service.addresses[0]?.address ?? '', port };
  const listed = service.ports.find(({ servicePort }) => servicePort === port);
  if (!listed) return refuse('NO_SUCH_PORT', `${service.hostname} has no port ${port}`);
  const candidates = candidatesOf(state, source, service);
  if (candidates.length === 0) return refuse('NO_HEALTHY_UPSTREAM', `${service.hostname} has no healthy endpoint`);
  const outcomes = candidates.map(({ workload, nearness }) => ({
    nearness,
    workload,
    outcome: routeToMember(state, source, service, workload, port, listed.targetPort),
  }));
  const usable = outcomes.flatMap(({ outcome, nearness, workload }) =>
    outcome.ok ? [{ route: outcome.value, nearness, weight: workload.capacity }] : [],
  );
  const routes = inOrder(usable, random, avoid);
  if (routes.length > 0) return { kind: 'routes', service, routes };
  const why = outcomes.map(({ outcome }) => outcome).find((outcome) => !outcome.ok);
  return why && !why.ok
    ? refuse(why.error.code, why.error.message)
    : refuse('NO_HEALTHY_UPSTREAM', `${service.hostname} has no endpoint that serves port ${port}`);
}

interface Candidate {
  readonly workload: Workload;
  readonly nearness: number;
}

function candidatesOf(state: MeshState, source: Workload, service: Service): readonly Candidate[] {
  return state.workloads
    .ofService(service.key)
    .filter(({ status }) => status === 'HEALTHY' || service.healthPolicy === 'ALLOW_ALL')
    .flatMap((workload) => {
      const nearness = rank(service, source, workload);
      return nearness === undefined ? [] : [{ workload, nearness }];
    });
}

function routeToMember(
  state: MeshState,
  source: Workload,
  service: Service,
  workload: Workload,
  port: number,
  serviceTarget: number,
): RouteOutcome {
  const mapped = workload.services.get(service.key)?.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0;
  const targetPort = mapped !== 0 ? mapped : serviceTarget;
  if (targetPort === 0 && workload.network === source.network)
    return { ok: false, error: { code: 'NO_SUCH_PORT', message: `${workload.uid} does not serve ${service.hostname}:${port}` } };
  const address = workload.addresses[0] ?? '';
  return routeTo(state, source, workload, {
    ...{ kind: 'service', service, servicePort: port, address, targetPort },
    authority: formatAuthority(address, targetPort),
  });
}

/**
 * The nearest rank in a weighted random order, then the next ranks, so that a dead endpoint can be dialled around.
 * What has failed a moment ago goes last within all.
 */
function inOrder(
  usable: readonly { route: Route; nearness: number; weight: number }[],
  random: Random,
  avoid: (key: string) => boolean,
): readonly Route[] {
  const ranks = [...new Set(usable.map(({ nearness }) => nearness))].sort((a, b) => b - a);
  const ordered = ranks.flatMap((nearness) =>
    weightedOrder(
      usable.filter((one) => one.nearness === nearness),
      ({ weight }) => weight,
      random,
      usable.length,
    ),
  );
  const [good, bad] = [ordered.filter(({ route }) => !avoid(routeKey(route))), ordered.filter(({ route }) => avoid(routeKey(route)))];
  return [...good, ...bad].slice(0, mostRoutes).map(({ route }) => route);
}
