import type { ProxyConfig } from './configuration.ts';

/** What the readiness of a proxy follows from. */
export interface Standing {
  readonly mode: ProxyConfig['mode'];
  readonly capture: ProxyConfig['capture'];
  /** The proxy's own: of a sidecar, that of its pod. */
  readonly address: string;
  /** What it has not reached yet, or has left: `state`, `listeners`, `draining`, `slots`. */
  readonly pending: ReadonlySet<string>;
  /** The addresses at which it should listen on ports that it cannot bind now. */
  readonly unbound: readonly string[];
  /** It holds a certificate that peers would take now. */
  readonly holdsValid: boolean;
}

/**
 * Why a proxy is not ready; empty when it is. Nobody reaches a gateway without one of its ports, a sidecar without one at
 * its pod's address, and either of them without its only identity. A sidecar without a port of a service that its pod
 * calls is reached, and a node's proxy serves many pods: it stays ready for the others where a port or a certificate of
 * one is missing. That of a machine (`--capture host`) serves it alone.
 */
export function notReady({
  mode,
  capture,
  address,
  pending,
  unbound,
  holdsValid,
}: Standing): readonly string[] {
  const reasons = new Set(pending);
  const isOfNode = mode === 'shared' && capture !== 'host';
  const isMissing = {
    gateway: unbound.length > 0,
    sidecar: unbound.includes(address),
    shared: !isOfNode && unbound.length > 0,
  };
  if (isMissing[mode]) reasons.add('listeners');
  if (!isOfNode && !holdsValid) reasons.add('certificate');
  return [...reasons];
}
