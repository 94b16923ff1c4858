import type { SocketRow } from './socket-table.ts';

/** Who is who among the loopback addresses of one sandbox. */
export interface Map16 {
  /** Second octet of the instance's /16. */
  readonly octet: number;
  readonly gateways: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
}

/** The part of the sandbox that an address belongs to: `hub`, `network-<third octet of its /20>`, or outside. */
export function partOf(address: string, { octet }: Map16): string {
  const [first, second, third] = address.split('.').map(Number);
  if (first !== 127 || second !== octet || third === undefined) return 'outside';
  return third < 16 ? 'hub' : `network-${Math.floor(third / 16)}`;
}

/** `127.0.0.1` may only touch these: SOCKS5, the API and the shop's door. */
export type AllowedPorts = ReadonlySet<number>;

/**
 * Why a connection should not exist, or undefined when it may: both ends in one network, or one end a gateway, or
 * a link between an agent and the hub. A connection with an end outside the /16 counts only if the other is inside.
 */
export function violation(row: SocketRow, map: Map16, localhost: AllowedPorts): string | undefined {
  const [from, to] = [partOf(row.local, map), partOf(row.remote, map)];
  if (from === 'outside' && to === 'outside') return undefined;
  if (from === to) return undefined;
  if (from === 'hub' || to === 'hub')
    return isLink(row, map) ? undefined : `${text(row)} reaches the hub, and is no agent`;
  if (from === 'outside' || to === 'outside')
    return touchesDoor(row, localhost) ? undefined : `${text(row)} leaves the sandbox`;
  return map.gateways.has(row.local) || map.gateways.has(row.remote)
    ? undefined
    : `${text(row)} joins ${from} and ${to}, and neither end is a gateway`;
}

const isLink = ({ local, remote }: SocketRow, { agents }: Map16) => agents.has(local) || agents.has(remote);

const touchesDoor = ({ local, localPort, remote, remotePort }: SocketRow, ports: AllowedPorts) =>
  (local === '127.0.0.1' || remote === '127.0.0.1') && (ports.has(localPort) || ports.has(remotePort));

const text = ({ local, localPort, remote, remotePort }: SocketRow) =>
  `${local}:${localPort} - ${remote}:${remotePort}`;
