import type { ProxyConfig } from './configuration.ts';

/** What the readiness of a proxy follows from. */
export interface Standing {
  readonly mode: ProxyConfig['mode'];
  /** What it has not reached yet, or has left: `state`, `listeners`, `draining`, `slots`. */
  readonly pending: ReadonlySet<string>;
  /** How many ports it should listen on and cannot bind now. */
  readonly unbound: number;
  /** It holds a certificate that peers would take now. */
  readonly holdsValid: boolean;
}

/**
 * Why a proxy is not ready; empty when it is. A gateway without one of its own ports, and a gateway or sidecar without
 * its only identity, are not reached by those who are sent to them. A node's proxy serves many pods: it stays ready for
 * the others where a port or a certificate of one is missing.
 */
export function notReady({ mode, pending, unbound, holdsValid }: Standing): readonly string[] {
  const reasons = new Set(pending);
  if (mode === 'gateway' && unbound > 0) reasons.add('listeners');
  if (mode !== 'shared' && !holdsValid) reasons.add('certificate');
  return [...reasons];
}
