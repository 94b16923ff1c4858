import { z } from 'zod';
import { addressBytes } from '@isthmus/mesh/net/address.ts';
import { inBlock, parseBlock } from '@isthmus/mesh/net/cidr.ts';

// Parts that the shapes of several kinds have.

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** RFC 1123, as Kubernetes has it for names of most kinds. */
export const subdomain = z
  .string()
  .max(253)
  .regex(new RegExp(`^${label}(\\.${label})*$`), 'must be a DNS name in lower case');

/** Of namespaces and services, which become parts of host names. */
export const dnsLabel = z
  .string()
  .max(63)
  .regex(new RegExp(`^${label}$`), 'must be a DNS label: lower case letters, digits and dashes');

/** The name of a host in DNS, whatever its case. */
export const hostName = z
  .string()
  .max(253)
  .regex(
    /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$/,
    'must be the name of a host',
  );

export const port = z.int().min(1).max(65_535);

/** Names that end up in files of one `NAME=value` a line, and in SPIFFE IDs. */
export const portName = z
  .string()
  .max(63)
  .regex(/^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)?$/, 'must be letters, digits and dashes');

/** The name of a container's port (the API server's IsValidPortName): digits alone would be a number in quotes. */
export const containerPortName = portName.regex(
  /[a-zA-Z]/,
  'must have a letter: digits alone are no name of a port, so write a number without quotes',
);

/** A port of a container, by its number or its name. */
export const portReference = z.union(
  [port, containerPortName],
  'must be a port from 1 to 65535 without quotes, or the name of a port, which has a letter',
);

export const labels = z.record(z.string().max(317), z.string().max(63)).optional();

/** Labels or annotations that another cluster is to have: of Kubernetes' own bounds only what keeps them small is checked. */
export const exportedMap = z.record(z.string().max(317), z.string().max(262_144)).optional();

export const protocol = z.enum(['TCP', 'UDP', 'SCTP']).optional();

/** Addresses that the API server refuses for endpoints, and addresses that belong to no pod; 127.0.0.1 belongs to every pod. */
const special = [
  ...['0.0.0.0/8', '127.0.0.1/32', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255/32'],
  ...['::/128', '::1/128', 'fe80::/10', 'ff00::/8'],
].flatMap((text) => {
  const block = parseBlock(text);
  return block.ok ? [block.value] : [];
});

export function isSpecialAddress(address: string): boolean {
  const bytes = addressBytes(address);
  return special.some((block) => inBlock(bytes, block));
}

const ip = z.union([z.ipv4(), z.ipv6()], 'must be an IP address');

/** Where a pod can be reached. */
export const podAddress = ip.refine(
  (address) => !isSpecialAddress(address),
  'must be the address of one pod: it is unspecified, localhost, link-local or multicast',
);

/** Where an application listens: it may be at 127.0.0.1. */
export const applicationAddress = ip.refine(
  (address) => address === '127.0.0.1' || !isSpecialAddress(address),
  'must be the address of one application: it is unspecified, link-local or multicast',
);
