import { drawUsable, type Taken } from '../balance/draw-usable.ts';
import type { Random } from '../process/random.ts';
import type { Address, MeshState } from '../state/mesh-state.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { addressLike } from '../net/address.ts';
import { ofClusterset } from './clusterset.ts';
import { namesMeant } from './host-names.ts';
import { proxyPorts } from './proxy-ports.ts';
import { routeKey } from './route-key.ts';
import { routeTo, type RouteOutcome } from './route-to.ts';
import type { OutboundRefusal, Route } from './route.ts';
import { targetPortOf } from './target-port.ts';

export type { Route } from './route.ts';

export interface OutboundRequest {
  /** Who calls; undefined when nothing is known of it, which is refused. */
  readonly source: Workload | undefined;
  /** The proxy's own network, in which addresses are looked up. */
  readonly network: string;
  readonly target:
    | { readonly kind: 'address'; readonly address: string; readonly port: number }
    | { readonly kind: 'hostname'; readonly hostname: string; readonly port: number };
}

export type OutboundDecision =
  /** To be tried in order; at most three, the best first. */
  | { readonly kind: 'routes'; readonly service: Service | undefined; readonly routes: readonly Route[] }
  /** No part of the mesh: plain TCP to where it was going. */
  | { readonly kind: 'passthrough'; readonly address: string; readonly port: number }
  | { readonly kind: 'refuse'; readonly code: OutboundRefusal; readonly message: string };

/** How many ways are handed out: more would outlast a caller's patience. */
const maxRoutes = 3;

/**
 * Where a captured connection goes, as Istio's ztunnel decides it: VIP before pod, healthy endpoints of the nearest
 * rank by weight, HBONE or plaintext inside the network, and only service-addressed traffic across networks. Never
 * plaintext where a gateway is missing. Unlike upstream, further routes follow the first, so that a dead endpoint can
 * be dialled around; those that `avoid` knows as recent failures come last.
 */
export function decideOutbound(
  state: MeshState,
  request: OutboundRequest,
  random: Random,
  avoid: (routeKey: string) => boolean = () => false,
): OutboundDecision {
  const { source, network, target } = request;
  const { port } = target;
  if (!source) return refuse('UNKNOWN_SOURCE', 'the caller is not a known workload');
  const call: Call = { state, source, port, random, avoid, address: undefined };
  if (target.kind === 'hostname') return toHost(call, network, target.hostname);
  const { address } = target;
  if (isOwn(address) && proxyPorts.has(port))
    return refuse('ILLEGAL_PORT', `port ${port} belongs to the proxy itself`);
  const found = state.findUpstream(network, address, source.namespace);
  return found ? toFound({ ...call, address }, found) : { kind: 'passthrough', address, port };
}

/** One connection that is being decided. */
interface Call {
  readonly state: MeshState;
  readonly source: Workload;
  readonly port: number;
  /** The address that was called, if it was one. */
  readonly address: string | undefined;
  readonly random: Random;
  readonly avoid: (routeKey: string) => boolean;
}

const refuse = (code: OutboundRefusal, message: string): OutboundDecision => ({
  kind: 'refuse',
  code,
  message,
});

/** The proxy's own loopback. Where a mesh lives on loopback addresses, the others of 127.0.0.0/8 are pods. */
const isOwn = (address: string): boolean => address === '::1' || address.startsWith('127.0.0.');

function toHost(call: Call, network: string, hostname: string): OutboundDecision {
  const { state, source } = call;
  for (const name of namesMeant(hostname, source.namespace)) {
    const service = state.services.withHostname(name, source.namespace) ?? ofClusterset(state.services, name);
    const workload = service ? undefined : state.workloads.withHostname(source.namespace, name);
    const virtual = service?.addresses.find((one) => one.network === network && one.prefix === undefined);
    if (service) return toService({ ...call, address: virtual?.address }, service);
    if (workload) return toWorkload({ ...call, address: workload.addresses[0] }, workload);
  }
  return refuse('UNKNOWN_HOST', `${hostname} is not a service that ${source.namespace} can see`);
}

const toFound = (call: Call, found: Address): OutboundDecision =>
  found.kind === 'service' ? toService(call, found.service) : toWorkload(call, found.workload);

function toWorkload(call: Call, workload: Workload): OutboundDecision {
  const { state, source, address, port, random } = call;
  if (workload.waypoint) return needsWaypoint(workload.uid);
  const outcome = routeTo(state, source, workload, { kind: 'pod', address, targetPort: port }, random);
  return outcome.ok
    ? { kind: 'routes', service: undefined, routes: [outcome.value] }
    : refuse(outcome.error.code, outcome.error.message);
}

function toService(call: Call, service: Service): OutboundDecision {
  const { address, port } = call;
  const { hostname } = service;
  if (service.waypoint) return needsWaypoint(hostname);
  if (service.mode === 'PASSTHROUGH')
    return address === undefined
      ? refuse('UNKNOWN_HOST', `${hostname} is passed through by address, and has none of its own`)
      : { kind: 'passthrough', address, port };
  if (!service.ports.some(({ servicePort }) => servicePort === port))
    return refuse('NO_SUCH_PORT', `${hostname} has no port ${port}`);
  return gather(call, service);
}

/** Closed, not skipped: what a waypoint enforces must not be gone round. */
const needsWaypoint = (name: string): OutboundDecision =>
  refuse(
    'WAYPOINT_UNSUPPORTED',
    `${name} demands a waypoint, which this version does not carry traffic through`,
  );

/** Takes candidates until enough of them can be reached, and says why none can if none can. */
function gather(call: Call, service: Service): OutboundDecision {
  const { state, source, random } = call;
  const [good, bad] = [new Map<string, Route>(), new Map<string, Route>()];
  let why: OutboundDecision | undefined;
  const ranks = state.endpoints.ranks(service, source).map((rank) => [rank]);
  drawUsable(ranks, random, take);
  const routes = [...good.values(), ...bad.values()].slice(0, maxRoutes);
  if (routes.length > 0) return { kind: 'routes', service, routes };
  return why ?? refuse('NO_HEALTHY_UPSTREAM', `${service.hostname} has no healthy endpoint`);

  function take(workload: Workload): Taken {
    const outcome = routeToMember(call, service, workload);
    if (outcome.ok) {
      keep(outcome.value);
      return good.size < maxRoutes ? 'MORE' : 'ENOUGH';
    }
    why ??= refuse(outcome.error.code, outcome.error.message);
    return 'USELESS';
  }

  // Two entries behind one passthrough are one way: trying it twice would be waiting twice.
  function keep(route: Route): void {
    const key = routeKey(route);
    const pile = call.avoid(key) ? bad : good;
    if (!pile.has(key)) pile.set(key, route);
  }
}

function routeToMember(call: Call, service: Service, workload: Workload): RouteOutcome {
  const { state, source, port: servicePort, random } = call;
  const targetPort = targetPortOf(service, workload, servicePort);
  const address = addressLike(workload.addresses, call.address);
  return routeTo(
    state,
    source,
    workload,
    { kind: 'service', service, servicePort, address, targetPort },
    random,
  );
}
