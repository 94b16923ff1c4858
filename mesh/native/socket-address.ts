import { addressBytes, addressText, type AddressPort } from '../net/address.ts';
import { err, ok, type Result } from '../result.ts';

// `sockaddr` of Linux: the family in the machine's order, which is little-endian, and port and address in that of the network.

const [unix, inet, inet6] = [1, 2, 10];
/** A path and the zero byte that ends it. */
const maxPathBytes = 108;

/** The address is canonical text; undefined where it is none. */
export function encodeSocketAddress({ address, port }: AddressPort): Buffer | undefined {
  const host = addressBytes(address);
  if (!host) return undefined;
  const isIpv4 = host.length === 4;
  const bytes = Buffer.alloc(isIpv4 ? 16 : 28);
  bytes.writeUInt16LE(isIpv4 ? inet : inet6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(host, isIpv4 ? 4 : 8);
  return bytes;
}

/** IPv4 inside IPv6 is said as IPv4. The error names what is wrong with the bytes. */
export function decodeSocketAddress(bytes: Buffer): Result<AddressPort, string> {
  if (bytes.length < 2) return err(`a socket address has at least 2 bytes, not ${bytes.length}`);
  const family = bytes.readUInt16LE(0);
  const place = { [inet]: [4, 4], [inet6]: [8, 16] }[family];
  if (!place) return err(`the address family ${family} is neither IPv4 (${inet}) nor IPv6 (${inet6})`);
  const [start = 0, length = 0] = place;
  if (bytes.length < start + length)
    return err(
      `a socket address of family ${family} has at least ${start + length} bytes, not ${bytes.length}`,
    );
  const address = addressText(bytes.subarray(start, start + length));
  return address === undefined ? err('no address') : ok({ address, port: bytes.readUInt16BE(2) });
}

/** Undefined where the path is longer than the kernel takes, or holds a zero byte. */
export function encodeSocketPath(path: string): Buffer | undefined {
  const text = Buffer.from(path);
  if (text.length === 0 || text.length >= maxPathBytes || text.includes(0)) return undefined;
  const bytes = Buffer.alloc(2 + text.length + 1);
  bytes.writeUInt16LE(unix, 0);
  bytes.set(text, 2);
  return bytes;
}
