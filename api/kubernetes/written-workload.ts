import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { Metadata, WrittenWorkload } from './objects.ts';
import { hostName, isSpecialAddress, labels, port, portName, subdomain } from './shapes.ts';

/** A weight is multiplied by what one endpoint counts, and the product fits 31 bits. */
export const maxWeight = 1_000_000;
/** The networks and labels of Kubernetes have this form. */
const labelValue = z
  .string()
  .max(63)
  .regex(
    /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
    'must be letters, digits, dots, dashes and underscores',
  );

/** What a WorkloadEntry says of a workload outside of pods, and a ServiceEntry of an endpoint. */
export const writtenWorkloadSchema = z.looseObject({
  address: z
    .string()
    .max(255)
    .refine((text) => problemOf(text) === undefined, { error: ({ input }) => problemOf(String(input)) })
    .optional(),
  ports: z.record(portName, port).optional(),
  labels,
  network: labelValue.optional(),
  locality: z
    .string()
    .max(255)
    .regex(/^[^/]*(\/[^/]*){0,2}$/, 'must be region, region/zone or region/zone/subzone')
    .optional(),
  weight: z
    .int()
    .min(0)
    .max(
      maxWeight,
      `must be at most ${maxWeight}: endpoints share by the proportion of their weights, so divide all of them by the same number`,
    )
    .optional(),
  serviceAccount: z.union([z.literal(''), subdomain]).optional(),
});

type Raw = z.infer<typeof writtenWorkloadSchema>;

const isSocket = (address: string): boolean => address.startsWith('unix://');

function problemOf(address: string): string | undefined {
  const ip = canonicalAddress(address);
  if (ip !== undefined)
    return isSpecialAddress(ip)
      ? 'must be the address of one endpoint: it is unspecified, localhost, link-local or multicast'
      : undefined;
  return address === '' || isSocket(address) || hostName.safeParse(address).success
    ? undefined
    : 'must be an IP address or the name of a host';
}

/** `labels`: of the object that says it, where it is one of its own. */
export function readWrittenWorkload(raw: Raw, own: Metadata['labels'] = {}): WrittenWorkload {
  const { address = '', network, locality = '', weight = 0, serviceAccount = '', ports = {} } = raw;
  const all = { ...own, ...raw.labels };
  const ip = canonicalAddress(address);
  const [region = '', zone = '', subzone = ''] = locality.split('/');
  return {
    address: ip ?? '',
    hostname: ip !== undefined || isSocket(address) ? '' : address.toLowerCase(),
    labels: all,
    network: network || all['topology.istio.io/network'] || '',
    locality: { region, zone, subzone },
    // 0 stands for a weight that is not written, as in the protocol.
    weight: weight === 0 ? 1 : weight,
    serviceAccount,
    ports: new Map(Object.entries(ports)),
  };
}

/** What of an endpoint is not applied. `field`: where it is in the object, with a dot behind it. */
export function writtenWorkloadFindings({ address = '' }: Raw, field: string): readonly Finding[] {
  if (address === '')
    return [notApplied(`${field}address`, 'is missing: nothing can be dialled there; write an IP address')];
  if (isSocket(address))
    return [notApplied(`${field}address`, 'is not applied: a socket of Unix is not in a network')];
  return canonicalAddress(address) === undefined ? [resolved(`${field}address`)] : [];
}

/** What needs DNS at the time of a connection. */
export const resolved = (field: string): Finding =>
  notApplied(
    field,
    'needs a name to be resolved at each connection, which Istio’s own ztunnel does and proxies of Isthmus do not: they refuse connections to it; write IP addresses (resolution STATIC)',
  );

/**
 * Istio's signs of something that takes HBONE itself (ambient/workloads.go, setTunnelProtocol). Whatever has neither is
 * reached in plaintext, as no proxy of the mesh is in front of it.
 */
export const takesHbone = ({ labels: own, annotations }: Pick<Metadata, 'labels' | 'annotations'>): boolean =>
  annotations['ambient.istio.io/redirection'] === 'enabled' ||
  (own['networking.istio.io/tunnel'] ?? '').split(',').includes('http');
