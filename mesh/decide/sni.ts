import { readPort } from '../net/port.ts';

/**
 * The server name by which Istio's sidecars ask a gateway to pass TLS through: `outbound_.<port>_.<subset>_.<host>`.
 * The subset is empty here: a gateway that ignored one would send to endpoints that the client excluded. Case means
 * nothing in it (RFC 6066 3), as to Envoy.
 */
export const formatPassthroughSni = (host: string, port: number): string => `outbound_.${port}_._.${host}`;

export function parsePassthroughSni(
  sni: string,
): { readonly host: string; readonly port: number } | undefined {
  const [, digits = '', host = ''] = /^outbound_\.(\d{1,5})_\._\.([a-z0-9.-]{1,253})$/i.exec(sni) ?? [];
  const port = readPort(digits);
  return host !== '' && port !== undefined ? { host: host.toLowerCase(), port } : undefined;
}
