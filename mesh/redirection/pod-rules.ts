import type { PodOptions } from './pod-options.ts';
import { familyFacts, is, isNot, proxyPorts, type Rule, type RuleFamily } from './rule.ts';

const redirect = (port: number) => ({ do: 'REDIRECT', port }) as const;
const accept = { do: 'ACCEPT' } as const;
const tcp = 'tcp' as const;
const notOfProxy = isNot(true as const);
const ofProxy = is(true as const);

/**
 * The rules of a pod, in their order within each table and hook: those of Istio's ambient mode, and a conntrack zone of
 * their own for what the proxy opens. Without that zone a delivery (caller:q to pod:port) and a captured connection of the
 * same caller (caller:p to pod:port) are one and the same when q is p, and the caller waits for ever.
 */
export function podRules(family: RuleFamily, options: PodOptions): readonly Rule[] {
  return [...zones(options), ...marks, ...inbound(family, options), ...outbound(family, options)];
}

function zones({ dns }: PodOptions): readonly Rule[] {
  const own = { do: 'ZONE', zone: 2, isOriginal: true } as const;
  const queries = { do: 'ZONE', zone: 1, isOriginal: false } as const;
  return [
    { table: 'raw', hook: 'PREROUTING', protocol: tcp, proxyMark: ofProxy, verdict: own },
    { table: 'raw', hook: 'OUTPUT', protocol: tcp, proxyMark: ofProxy, verdict: own },
    ...(dns
      ? ([
          // Answers to the proxy's own queries.
          {
            table: 'raw',
            hook: 'PREROUTING',
            protocol: 'udp',
            sourcePort: 53,
            proxyMark: notOfProxy,
            verdict: queries,
          },
          {
            table: 'raw',
            hook: 'OUTPUT',
            protocol: 'udp',
            destinationPort: is(53),
            proxyMark: ofProxy,
            verdict: queries,
          },
        ] as const)
      : []),
  ];
}

/** Answers to a delivery are for the address of its caller: the routing rule brings what has this mark to the proxy. */
const marks: readonly Rule[] = [
  { table: 'mangle', hook: 'PREROUTING', proxyMark: ofProxy, verdict: { do: 'MARK_CONNECTION' } },
  { table: 'mangle', hook: 'OUTPUT', connectionMark: true, verdict: { do: 'RESTORE_MARK' } },
];

function inbound(family: RuleFamily, options: PodOptions): readonly Rule[] {
  const { loopback, probe } = familyFacts[family];
  const at = { table: 'nat', hook: 'PREROUTING' } as const;
  return [
    ...options.virtualInterfaces.flatMap((fromInterface): readonly Rule[] => [
      { ...at, fromInterface, protocol: tcp, verdict: redirect(proxyPorts.outbound) },
      { ...at, fromInterface, protocol: tcp, verdict: { do: 'RETURN' } },
    ]),
    { ...at, source: is(probe), protocol: tcp, verdict: accept },
    ...(options.inbound
      ? [
          {
            ...at,
            destination: isNot(loopback),
            protocol: tcp,
            // HBONE arrives as it is.
            destinationPort: isNot<number>(proxyPorts.hbone),
            proxyMark: notOfProxy,
            verdict: redirect(proxyPorts.inbound),
          },
        ]
      : []),
  ];
}

function outbound(family: RuleFamily, { dns }: PodOptions): readonly Rule[] {
  const { loopback, probe } = familyFacts[family];
  const at = { table: 'nat', hook: 'OUTPUT' } as const;
  const elsewhere = isNot(loopback);
  const toProxy = redirect(proxyPorts.dns);
  return [
    { ...at, destination: is(probe), protocol: tcp, verdict: accept },
    ...(dns
      ? [
          {
            ...at,
            toInterface: isNot('lo'),
            protocol: 'udp',
            destinationPort: is(53),
            proxyMark: notOfProxy,
            verdict: toProxy,
          } as const,
          {
            ...at,
            destination: elsewhere,
            protocol: tcp,
            destinationPort: is(53),
            proxyMark: notOfProxy,
            verdict: toProxy,
          },
        ]
      : []),
    { ...at, protocol: tcp, deliveryMark: true, verdict: accept },
    { ...at, destination: elsewhere, toInterface: is('lo'), verdict: accept },
    {
      ...at,
      destination: elsewhere,
      protocol: tcp,
      proxyMark: notOfProxy,
      verdict: redirect(proxyPorts.outbound),
    },
  ];
}
