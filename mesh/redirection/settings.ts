/** One setting of a network namespace: a path below /proc/sys, and its value. */
export interface Setting {
  readonly path: string;
  readonly value: string;
  /** The kernel's own, which holds in a new namespace. */
  readonly original: string;
}

/**
 * What a pod's namespace must have before its rules. Without the first, the next packet of a connection that was open is taken
 * for the first of a new one and redirected, so that the connection dies. (`--syn` at the rules would spare it too, but an
 * ACK with an MD5 option, and then a SYN from that port, would pass uncaptured.) Without the second, the proxy's deliveries
 * that have ended leave no port for new ones. Without the third, a proxy that ends resets what its successor could accept.
 */
export const podSettings: readonly Setting[] = [
  { path: 'net/netfilter/nf_conntrack_tcp_loose', value: '0', original: '1' },
  { path: 'net/ipv4/tcp_tw_reuse', value: '1', original: '2' },
  { path: 'net/ipv4/tcp_migrate_req', value: '1', original: '0' },
];

/** What a namespace has: by path, undefined where the kernel has no such setting. */
export type FoundSettings = ReadonlyMap<string, string | undefined>;

/** Which settings are not as they must be; none: all are. */
export const settingFaults = (found: FoundSettings): readonly string[] =>
  podSettings
    .filter(({ path, value }) => found.get(path) !== value)
    .map(({ path, value }) => `${path} is ${found.get(path) ?? 'missing'}, not ${value}`);

/** IPv6 of the interfaces of a namespace: `net/ipv6/conf/<name>/disable_ipv6` by name; none where the kernel has no IPv6. */
export type Ipv6Interfaces = ReadonlyMap<string, string>;

/** Whether rules of IPv6 are needed: not where no interface has it. */
export const hasIpv6 = (interfaces: Ipv6Interfaces): boolean =>
  [...interfaces].some(([name, disabled]) => name !== 'all' && name !== 'default' && disabled === '0');
