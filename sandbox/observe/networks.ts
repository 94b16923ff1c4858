import type { SocketRow } from './socket-table.ts';

/** Who is who among the loopback addresses of one sandbox. */
export interface Map16 {
  /** Second octet of the instance's /16. */
  readonly octet: number;
  readonly gateways: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
  /** Ports of the API and of the shop, on 127.0.0.1. */
  readonly localhostPorts: ReadonlySet<number>;
}

/** What a connection is; `forbidden` says why it should not exist. */
export type Verdict =
  | { readonly kind: 'elsewhere' | 'inside one network' | 'at a gateway' | 'link' | 'localhost' }
  | { readonly kind: 'forbidden'; readonly why: string };

interface End {
  readonly address: string;
  readonly port: number;
}

/** Where a gateway takes connections: mTLS tunnels, and TLS that it passes through. */
const gatewayPorts: ReadonlySet<number> = new Set([15_008, 15_443]);
/** Where the hub takes agents: their link, and joining. */
const hubPorts: ReadonlySet<number> = new Set([15_101, 15_102]);
const socksPort = 15_080;
const localhost = '127.0.0.1';

/** The part of the sandbox that an address belongs to: `hub`, `network-<third octet of its /20>`, or outside. */
export function partOf(address: string, { octet }: Pick<Map16, 'octet'>): string {
  const [first, second, third] = address.split('.').map(Number);
  if (first !== 127 || second !== octet || third === undefined) return 'outside';
  return third < 16 ? 'hub' : `network-${Math.floor(third / 16)}`;
}

/**
 * Judges one row of the kernel's table. Two networks are joined only by a connection *to* a gateway, on the ports where
 * it judges who comes: what a gateway dials is in its own network. The kernel's row does not say who dialled, so
 * either end may be the one. Localhost is apart: it has the API and the shop's port, and may ask a pod's SOCKS.
 */
export function judge(row: SocketRow, map: Map16): Verdict {
  const ends = [
    { address: row.local, port: row.localPort },
    { address: row.remote, port: row.remotePort },
  ] as const;
  const [from, to] = [partOf(row.local, map), partOf(row.remote, map)];
  if (from === 'outside' && to === 'outside') return { kind: 'elsewhere' };
  const someEnd = (is: (end: End, other: End) => boolean) => is(...ends) || is(ends[1], ends[0]);
  if (from === 'outside' || to === 'outside')
    return someEnd((end, other) => isLocalhostListener(end, other, map))
      ? { kind: 'localhost' }
      : forbidden(row, 'leaves the sandbox');
  if (from === to) return { kind: 'inside one network' };
  if (from === 'hub' || to === 'hub')
    return someEnd((end, other) => isLink(end, other, map))
      ? { kind: 'link' }
      : forbidden(row, 'reaches the hub, and is not an agent’s link');
  return someEnd(({ address, port }) => map.gateways.has(address) && gatewayPorts.has(port))
    ? { kind: 'at a gateway' }
    : forbidden(row, `joins ${from} and ${to}, and comes in at no gateway`);
}

/** A connection of localhost with itself, which only those that open one of our sockets are to be asked about. */
export const isOurLocalhost = ({ localPort, remotePort }: SocketRow, { localhostPorts }: Map16): boolean =>
  localhostPorts.has(localPort) || localhostPorts.has(remotePort);

export const bothLocalhost = ({ local, remote }: SocketRow): boolean =>
  local === localhost && remote === localhost;

const isLink = (hub: End, agent: End, map: Map16): boolean =>
  partOf(hub.address, map) === 'hub' && hubPorts.has(hub.port) && map.agents.has(agent.address);

const isLocalhostListener = (end: End, other: End, { localhostPorts }: Map16): boolean =>
  end.address === localhost && (localhostPorts.has(end.port) || other.port === socksPort);

const forbidden = ({ local, localPort, remote, remotePort }: SocketRow, why: string): Verdict => ({
  kind: 'forbidden',
  why: `${local}:${localPort} - ${remote}:${remotePort} ${why}`,
});
