import ipaddr from 'ipaddr.js';

/** An IP address as bytes in network order: 4 of IPv4, 16 of IPv6. */
export type AddressBytes = Uint8Array;

/**
 * Canonical text of an IP address (RFC 5952 for IPv6), or undefined when the text is none. IPv4 inside IPv6 is written
 * as IPv4, so that one peer has one name. Only four decimal parts are IPv4: `010.0.0.1` and `1` mean different
 * things to different readers. A scoped address is none: its zone means nothing on another machine.
 */
export function canonicalAddress(text: string): string | undefined {
  return fourParts(text) ? text : readIpv6(text)?.toString();
}

/** The bytes of an address; undefined when the text is none. */
export function addressBytes(text: string): AddressBytes | undefined {
  const bytes = fourParts(text) ?? readIpv6(text)?.toByteArray();
  return bytes && Uint8Array.from(bytes);
}

/** Canonical text of 4 or 16 bytes; undefined for any other length. */
export function addressText(bytes: AddressBytes): string | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  return canonicalAddress(ipaddr.fromByteArray([...bytes]).toString());
}

/** Where a socket is, or was going. The address is canonical text. */
export interface AddressPort {
  readonly address: string;
  readonly port: number;
}

/** True for the addresses that never leave this machine. Takes canonical text. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

export type AddressFamily = 'ipv4' | 'ipv6';

/** Takes canonical text. */
export const familyOf = (address: string): AddressFamily => (address.includes(':') ? 'ipv6' : 'ipv4');

/** Of several addresses of one host, the one of the family that is already being spoken. Takes canonical text. */
export const addressLike = (addresses: readonly string[], peer: string | undefined): string | undefined =>
  (peer === undefined ? undefined : addresses.find((one) => familyOf(one) === familyOf(peer))) ??
  addresses[0];

const part = '(0|[1-9]\\d{0,2})';
const ipv4 = new RegExp(`^${part}\\.${part}\\.${part}\\.${part}$`);

/** The bytes of an IPv4 address. Each address of each pod is read several times, and the library takes ten times as long. */
function fourParts(text: string): readonly number[] | undefined {
  const parts = ipv4.exec(text)?.slice(1).map(Number);
  return parts?.every((one) => one <= 255) ? parts : undefined;
}

/** To ask the library about a host name costs 0.1 ms, as it makes an error of its answer. */
const readIpv6 = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined =>
  text.includes(':') && !text.includes('%') && ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
