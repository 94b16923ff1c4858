/** Rules of a pod exist in both; where a namespace has no IPv6, only those of IPv4. */
export type RuleFamily = 'IPV4' | 'IPV6';
export const ruleFamilies: readonly RuleFamily[] = ['IPV4', 'IPV6'];

export type Table = 'raw' | 'mangle' | 'nat';
/** In the order in which a packet meets them. */
export const tables: readonly Table[] = ['raw', 'mangle', 'nat'];

export type Hook = 'PREROUTING' | 'OUTPUT';
export const hooks: readonly Hook[] = ['PREROUTING', 'OUTPUT'];

/** Something that a packet has, or with `isNot` anything but that. */
export interface Match<Value> {
  readonly value: Value;
  readonly isNot: boolean;
}

export const is = <Value>(value: Value): Match<Value> => ({ value, isNot: false });
export const isNot = <Value>(value: Value): Match<Value> => ({ value, isNot: true });

/** What happens to a packet. */
export type Verdict =
  | { readonly do: 'ACCEPT' }
  /** No further rule of ours is asked. */
  | { readonly do: 'RETURN' }
  | { readonly do: 'REDIRECT'; readonly port: number }
  /** The connection gets the mark `connectionMark`. */
  | { readonly do: 'MARK_CONNECTION' }
  /** The packet gets the mark of its connection. */
  | { readonly do: 'RESTORE_MARK' }
  /** `isOriginal`: only for the direction in which the connection was opened. */
  | { readonly do: 'ZONE'; readonly zone: number; readonly isOriginal: boolean };

/** One rule of one family. What is not given matches everything. */
export interface Rule {
  readonly table: Table;
  readonly hook: Hook;
  readonly protocol?: 'tcp' | 'udp';
  /** An address of the rule's family. */
  readonly source?: Match<string>;
  readonly destination?: Match<string>;
  readonly fromInterface?: string;
  readonly toInterface?: Match<string>;
  /** With a protocol only. */
  readonly sourcePort?: number;
  readonly destinationPort?: Match<number>;
  /** The packet has the mark of the proxy's own sockets. */
  readonly proxyMark?: Match<true>;
  /** The packet has the mark that deliveries get from their connection. */
  readonly deliveryMark?: true;
  /** The connection has the mark of deliveries. */
  readonly connectionMark?: true;
  readonly verdict: Verdict;
}

/** Marks are numbers of 32 bits of which only those of the mask count (Istio's). */
export const markMask = 0xfff;
/** On every socket of the proxy. */
export const proxyMark = 0x539;
/** On connections that the proxy opens into the pod's application: their answers return to the proxy. */
export const deliveryMark = 0x111;

/** Where a proxy listens in a pod. */
export const proxyPorts = { outbound: 15_001, inbound: 15_006, hbone: 15_008, dns: 15_053 } as const;

/** Of a family: its loopback address, and the source address of kubelet's probes (Istio's). */
export const familyFacts: Readonly<
  Record<RuleFamily, { readonly loopback: string; readonly prefix: number; readonly probe: string }>
> = {
  IPV4: { loopback: '127.0.0.1', prefix: 32, probe: '169.254.7.127' },
  IPV6: { loopback: '::1', prefix: 128, probe: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff' },
};
