import { namesIn } from '@isthmus/mesh/identity/expected-names.ts';
import assert from 'node:assert/strict';
import { decideOutbound, type OutboundRequest, type Route } from '@isthmus/mesh/decide/outbound.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { seededRandom } from '../../fakes/random.ts';
import { backs, cart, client, entry, network, pod, stateOf, westGateway } from './world.ts';

export const toAddress = (address: string, port = 80): OutboundRequest['target'] => ({
  kind: 'address',
  address,
  port,
});
export const toName = (hostname: string, port = 80): OutboundRequest['target'] => ({
  kind: 'hostname',
  hostname,
  port,
});
export const decide = (
  state: MeshState,
  target: OutboundRequest['target'],
  source: Workload | undefined = client,
  avoid?: (key: string) => boolean,
) => decideOutbound(state, { source, network, target }, seededRandom(1), avoid);

/** A decision on one line: what a table can compare. */
export function decisionText(decision: ReturnType<typeof decide>): string {
  switch (decision.kind) {
    case 'refuse':
      return `refuse ${decision.code}`;
    case 'passthrough':
      return `passthrough ${decision.address}:${decision.port}`;
    case 'routes':
      return decision.routes.map(routeText).join(', ');
  }
}

export function routeText(route: Route): string {
  switch (route.kind) {
    case 'plaintext':
      return `plaintext ${route.address}:${route.port}`;
    case 'hbone':
      return `hbone ${route.address}:${route.port} for ${route.authority}`;
    case 'double-hbone':
      return `double-hbone ${route.gateway.address}:${route.gateway.port} for ${route.authority} at ${route.target}`;
    case 'istio-mtls':
      return `istio-mtls ${route.address}:${route.port} as ${route.sni}`;
  }
}

export const routesOf = (decision: ReturnType<typeof decide>): readonly Route[] =>
  decision.kind === 'routes' ? decision.routes : assert.fail(decisionText(decision));

export const expectOf = (
  state: MeshState,
  target = toAddress('10.1.0.1'),
  source = client,
): readonly string[] => {
  const [route] = routesOf(decide(state, target, source));
  return route && route.kind !== 'plaintext' ? namesIn(route.expect) : [];
};

export const cartPod = pod('cart', '10.0.0.2', backs(cart));
export const plainPod = pod('cart', '10.0.0.2', { ...backs(cart), transport: 'plaintext' });
export const sidecarPod = pod('cart', '10.0.0.2', { ...backs(cart), transport: 'istio-mtls', sidecar: true });
export const openPod = pod('cart', '10.0.0.2', { ...backs(cart), classicClients: true });
export const plainClient = { ...client, transport: 'plaintext' as const };
export const sidecarClient = { ...client, transport: 'istio-mtls' as const, sidecar: true };
export const waypoint = {
  kind: 'hostname' as const,
  namespace: 'shop',
  hostname: 'waypoint',
  hbonePort: 15008,
};
export const hostnameGateway = {
  kind: 'hostname' as const,
  namespace: 'istio-system',
  hostname: 'gw.west',
  hbonePort: 15008,
};
export const doubleWest =
  'double-hbone 20.0.0.1:15008 for cart.shop.svc.cluster.local:80 at west/region-b/b1';
export const sniCart = 'outbound_.80_._.cart.shop.svc.cluster.local';

export interface Case {
  readonly name: string;
  readonly state: MeshState;
  readonly target: OutboundRequest['target'];
  readonly source?: Workload | undefined;
  readonly expected: string;
}

export const remote = (over: Partial<Workload> = {}, transport: Workload['transport'] = 'hbone') =>
  stateOf([entry(cart, transport, over), westGateway]);
export const inUnknown = {
  networkGateway: {
    kind: 'address' as const,
    network: 'network-west',
    address: '20.0.0.9',
    hbonePort: 15008,
  },
};
