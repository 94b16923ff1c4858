import type { Route } from './route.ts';

/** The key of a route, by which recent failures are remembered and routes are compared. */
export function routeKey(route: Route): string {
  switch (route.kind) {
    case 'double-hbone':
      return `${route.kind}|${route.gateway.address}:${route.gateway.port}|${route.target}|${route.authority}`;
    case 'istio-mtls':
      return `${route.kind}|${route.address}:${route.port}|${route.sni}|${route.workload.cluster}`;
    case 'hbone':
      return `${route.kind}|${route.address}:${route.port}|${route.authority}`;
    case 'plaintext':
      return `${route.kind}|${route.address}:${route.port}`;
  }
}
