import { createHash } from 'node:crypto';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** Addresses that stand for services which are only in other clusters. */
export interface ReservedBlock {
  /** As it was given. */
  readonly text: string;
  /** The first address, as a number. */
  readonly base: number;
  /** How many addresses it has, with the first and the last, which are never given. */
  readonly size: number;
}

/** A block of IPv4 addresses of 8 to 29 bits: fewer are no choice, and more have no room. */
export function reservedBlock(text: string): Result<ReservedBlock, string> {
  const block = parseBlock(text);
  if (!block.ok) return block;
  const { address, prefix } = block.value;
  if (address.includes(':') || prefix < 8 || prefix > 29)
    return err(`'${text}' is not a block of IPv4 addresses between /8 and /29`);
  const size = 2 ** (32 - prefix);
  const first = numberOf(address) ?? 0;
  return ok({ text, base: first - (first % size), size });
}

/**
 * A free address for a service. It is looked for from a place that the service's own name says, so that an agent that
 * has lost what it kept mostly finds the same. Undefined: all are taken.
 */
export function addressFor(
  service: string,
  { base, size }: ReservedBlock,
  isTaken: (address: string) => boolean,
): string | undefined {
  const usable = size - 2;
  const start = createHash('sha256').update(service).digest().readUInt32BE(0) % usable;
  for (let i = 0; i < usable; i++) {
    const address = textOf(base + 1 + ((start + i) % usable));
    if (!isTaken(address)) return address;
  }
  return undefined;
}

/** Whether it may be given out of this block. */
export function isIn(address: string, { base, size }: ReservedBlock): boolean {
  const number = numberOf(address);
  return number !== undefined && number > base && number < base + size - 1;
}

function numberOf(address: string): number | undefined {
  const bytes = address.split('.').map(Number);
  return bytes.length === 4 && bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
    ? bytes.reduce((sum, byte) => sum * 256 + byte, 0)
    : undefined;
}

const textOf = (number: number): string =>
  [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.');
