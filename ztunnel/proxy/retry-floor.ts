import { createHash } from 'node:crypto';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** This many retries of a service are allowed in each second however few calls there are. */
const atLeast = 3n;

/** Services of one set share its places: a service finds one as long as fewer than five of its set fail in a second. */
const places = 4;
const sets = 4096;

/** Of a word: 31 bits of the second, 30 bits of the service's hash, and the count. */
const secondBits = 31n;
const tagBits = 30n;
const countBits = 3n;
const mask = (bits: bigint): bigint => (1n << bits) - 1n;

/** Memory for the floor of one proxy; with a `SharedArrayBuffer`, for all of its data workers. */
export const retryFloorBytes = sets * places * 8;

/**
 * The retries that every service of a proxy may have in each second, whatever worker makes them: one count for all
 * workers, in memory that they share. Where two workers meet, one of them looks again. The second is that of the wall
 * clock, as monotonic clocks of threads begin at different times.
 */
export class RetryFloor {
  readonly #words: BigInt64Array;
  readonly #clock: Clock;

  constructor(clock: Clock, memory: ArrayBufferLike = new ArrayBuffer(retryFloorBytes)) {
    this.#clock = clock;
    this.#words = new BigInt64Array(memory);
  }

  /** Counts a retry; false when the second has had its three, or its set is full. */
  take(service: string): boolean {
    const { first, tag } = placeOf(service);
    const now = BigInt(Math.floor(this.#clock.now() / 1000)) & mask(secondBits);
    for (;;) {
      const { at, word, count } = this.#find(first, tag, now);
      if (at < 0 || count >= atLeast) return false;
      const next = (now << (tagBits + countBits)) | (tag << countBits) | (count + 1n);
      if (Atomics.compareExchange(this.#words, at, word, next) === word) return true;
    }
  }

  /** The service's own word of this second, else the first of its set that is not of this second; -1: there is none. */
  #find(first: number, tag: bigint, now: bigint): { at: number; word: bigint; count: bigint } {
    let free = { at: -1, word: 0n, count: 0n };
    for (let at = first; at < first + places; at++) {
      const word = Atomics.load(this.#words, at);
      const isNow = ((word >> (tagBits + countBits)) & mask(secondBits)) === now && word !== 0n;
      if (isNow && ((word >> countBits) & mask(tagBits)) === tag)
        return { at, word, count: word & mask(countBits) };
      if (!isNow && free.at < 0) free = { at, word, count: 0n };
    }
    return free;
  }
}

function placeOf(service: string): { first: number; tag: bigint } {
  const hash = createHash('sha256').update(service).digest();
  return { first: (hash.readUInt32BE(0) % sets) * places, tag: BigInt(hash.readUInt32BE(4)) & mask(tagBits) };
}
