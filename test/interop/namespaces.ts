import { execFileSync } from 'node:child_process';

/** Two network namespaces of this process, joined by a veth pair. */
export const names = { mesh: `isthmus-mesh-${process.pid}`, peer: `isthmus-peer-${process.pid}` };

export const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8' });

const ip = (line: string): string => run('ip', ...line.split(' '));

/**
 * Makes the namespaces and lets loopback addresses pass between them: the sandbox lives on 127.0.0.0/8, and so must
 * the pod that lives in the other namespace. All is gone with `remove`.
 */
export function layOut({ mesh, peer }: typeof names): { remove(): void } {
  const remove = () => {
    for (const name of [mesh, peer]) ip(`netns del ${name}`);
  };
  for (const name of [mesh, peer]) {
    ip(`netns add ${name}`);
    ip(`-n ${name} link set lo up`);
    for (const which of ['all', 'default'])
      run('ip', 'netns', 'exec', name, 'sysctl', '-qw', ...passLoopback(which));
  }
  ip(`link add veth0 netns ${mesh} type veth peer name veth0 netns ${peer}`);
  for (const name of [mesh, peer]) ip(`-n ${name} link set veth0 up`);
  // Names the variables by which the suite, which runs inside, finds the other namespace.
  process.env['ISTHMUS_INTEROP_PEER'] = peer;
  return { remove };
}

const passLoopback = (which: string): readonly string[] => [
  `net.ipv4.conf.${which}.route_localnet=1`,
  `net.ipv4.conf.${which}.rp_filter=0`,
];

/** Called inside the mesh's namespace: `address` is the peer's, the rest of its /16 is ours. */
export function route(peer: string, octet: number, address: string): void {
  ip(`route add table local unicast ${address}/32 dev veth0 scope link`);
  ip(`-n ${peer} addr add ${address}/32 dev veth0`);
  ip(`-n ${peer} route add table local unicast 127.${octet}.0.0/16 dev veth0 scope link src ${address}`);
}

/** Sends what the peer's applications dial to its ztunnel, but not what ztunnel itself dials. */
export function capture(peer: string): void {
  const rule = (text: string) =>
    run('ip', 'netns', 'exec', peer, 'iptables', '-t', 'nat', '-A', 'OUTPUT', ...text.split(' '));
  rule('-p tcp --dport 15012 -j ACCEPT');
  rule('-p tcp ! -o lo -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001');
}
