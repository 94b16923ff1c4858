import type { Route } from './outbound.ts';

/** One name for one way to one place, by which recent failures are remembered. */
export function routeKey(route: Route): string {
  switch (route.kind) {
    case 'double-hbone':
      return `${route.kind}|${route.gateway.address}:${route.gateway.port}|${route.target}|${route.authority}`;
    case 'istio-mtls':
      return `${route.kind}|${route.address}:${route.port}|${route.sni}`;
    case 'hbone':
    case 'plaintext':
      return `${route.kind}|${route.address}:${route.port}`;
  }
}
