import { err, ok, type Result } from '../result.ts';
import { addressBytes, canonicalAddress, type AddressBytes } from './address.ts';

export { canonicalAddress, isLoopback } from './address.ts';

/** A block of addresses: canonical text, and how many leading bits count. */
export interface Block {
  readonly address: string;
  readonly prefix: number;
}

/** `10.0.0.0/8`, or one address alone, which is a block of itself. */
export function parseBlock(text: string): Result<Block, string> {
  const [host = '', length, ...more] = text.split('/');
  const address = canonicalAddress(host);
  if (address === undefined || more.length > 0) return err(`'${text.slice(0, 60)}' is not an address block`);
  const bits = address.includes(':') ? 128 : 32;
  if (length === undefined) return ok({ address, prefix: bits });
  if (!/^\d{1,3}$/.test(length)) return err(`'${length.slice(0, 20)}' is not a prefix length`);
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8: the prefix loses what the address lost.
  const prefix = Number(length) - (host.includes(':') && bits === 32 ? 96 : 0);
  return prefix >= 0 && prefix <= bits
    ? ok({ address, prefix })
    : err(`a prefix length is 0 to ${bits} here`);
}

interface Compiled {
  readonly bytes: AddressBytes | undefined;
  readonly prefix: number;
}

/** Blocks live in records that never change, so each is read once. */
const compiled = new WeakMap<Block, Compiled>();

function compile(block: Block): Compiled {
  const known = compiled.get(block);
  if (known) return known;
  const bytes = addressBytes(block.address);
  const usable = bytes && block.prefix >= 0 && block.prefix <= bytes.length * 8;
  const fresh = { bytes: usable ? bytes : undefined, prefix: block.prefix };
  compiled.set(block, fresh);
  return fresh;
}

/** Whether an address, as text or bytes, lies in a block; false when either is none or they are of two families. */
export function inBlock(address: string | AddressBytes | undefined, block: Block): boolean {
  const bytes = typeof address === 'string' ? addressBytes(address) : address;
  const base = compile(block);
  return (
    bytes?.length === base.bytes?.length && bytes !== undefined && sameBits(bytes, base.bytes, base.prefix)
  );
}

function sameBits(one: AddressBytes, other: AddressBytes | undefined, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (one[i] !== other?.[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((one[whole] ?? 0) ^ (other?.[whole] ?? 0)) >> (8 - rest) === 0;
}
