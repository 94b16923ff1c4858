import { ProxyError } from '../proxy-error.ts';

/**
 * Host and port of `host:port` or `https://host:port`, the port being 15012 unless given. Plain http is refused: the
 * token would travel in the clear. Throws CONTROL_PLANE_ADDRESS.
 */
export function parseControlPlane(address: string): { readonly host: string; readonly port: number } {
  const text = address.includes('://') ? address : `https://${address}`;
  if (!text.startsWith('https://') || !URL.canParse(text)) throw notAnAddress(address);
  const url = new URL(text);
  if (url.hostname === '' || (url.pathname !== '/' && url.pathname !== '')) throw notAnAddress(address);
  // A port that is https's own is not shown by URL.
  const port = /:443\/?$/.test(text) ? 443 : Number(url.port || 15_012);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port };
}

const notAnAddress = (address: string) =>
  new ProxyError(
    'CONTROL_PLANE_ADDRESS',
    `'${address}' is not an https address of a control plane: give host:port`,
  );
