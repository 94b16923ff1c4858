import ipaddr from 'ipaddr.js';
import type { Fields } from './fields.ts';

/** The canonical text of 4 or 16 bytes (RFC 5952 for IPv6). IPv4 inside IPv6 is written as IPv4. */
export const readIp = (field: string, bytes: Uint8Array, fields: Fields): string =>
  parse(field, bytes, fields).toString();

/** Throws on text that is not an IP address: the records of this program hold only canonical text. */
export const writeIp = (text: string): Uint8Array => Uint8Array.from(ipaddr.parse(text).toByteArray());

/** Decodes a block of addresses. The prefix length counts bits of the address that was sent, IPv4 or IPv6. */
export function readBlock(
  at: string,
  { address: bytes, length }: { readonly address: Uint8Array; readonly length: number },
  fields: Fields,
): { readonly address: string; readonly prefix: number } {
  const address = parse(`${at}.address`, bytes, fields);
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  const prefix = length - (bytes.length * 8 - bits);
  if (prefix < 0 || prefix > bits) fields.refuse(`${at}.length`, `${length} does not fit the address`);
  return { address: address.toString(), prefix };
}

function parse(field: string, bytes: Uint8Array, fields: Fields): ipaddr.IPv4 | ipaddr.IPv6 {
  if (bytes.length === 4 || bytes.length === 16)
    return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString());
  fields.refuse(field, `an IP address has 4 or 16 bytes, not ${bytes.length}`);
  return new ipaddr.IPv4([0, 0, 0, 0]);
}
