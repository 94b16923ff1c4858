import ipaddr from 'ipaddr.js';
import type { Fields } from './fields.ts';

/** The canonical text of 4 or 16 bytes (RFC 5952 for IPv6). */
export function readIp(field: string, bytes: Uint8Array, fields: Fields): string {
  if (bytes.length !== 4 && bytes.length !== 16) {
    fields.refuse(field, `an IP address has 4 or 16 bytes, not ${bytes.length}`);
    return '0.0.0.0';
  }
  const address = ipaddr.fromByteArray([...bytes]);
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

/** Throws on text that is no IP address: the records of this program hold only canonical text. */
export const writeIp = (text: string): Uint8Array => Uint8Array.from(ipaddr.parse(text).toByteArray());

/** A prefix length that fits an address. */
export function readPrefix(field: string, length: number, bytes: Uint8Array, fields: Fields): number {
  return fields.upTo(field, length, bytes.length * 8);
}
