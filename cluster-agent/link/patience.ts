/** Long enough for a connection across the world and a busy hub; grpc-js by itself gives each address 20 s. */
const first = 3000;
const max = 20_000;

/**
 * How long a hub's address may take to answer before the next one is tried, milliseconds: 3 s, and twice as long after
 * each round in which none of them did, up to 20 s. A hub to which hundreds of agents come back at once is slow, and
 * would only get slower if all gave up and came again.
 *
 * `misses`: attempts since one was answered; `addresses`: how many there are.
 */
export function connectPatience(misses: number, addresses: number): number {
  const rounds = Math.floor(misses / Math.max(1, addresses));
  return Math.min(max, first * 2 ** Math.min(rounds, 10));
}
