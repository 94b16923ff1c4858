import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import { flags, rcodes } from './codes.ts';
import { askByTcp, askByUdp, type ExchangeDeps } from './exchange.ts';
import type { Query } from './query.ts';

/** How a client has asked. */
export type Protocol = 'udp' | 'tcp';

/** After this a client has asked again: all resolvers together may take as long. */
const patienceMillis = 5000;

/** With which another resolver may do better, as resolvers in applications think too. */
const unhelpful: ReadonlySet<number> = new Set([rcodes.SERVFAIL, rcodes.NOTIMP, rcodes.REFUSED]);

/** Whether a resolver has answered, be it that there is no such name. */
export const isHelpful = (answer: Buffer): boolean => !unhelpful.has(answer.readUInt16BE(2) & flags.rcode);

/**
 * Asks the resolvers of a pod one after the other, each within its part of the time, until one has answered. Gives what
 * the first said that could help, else what any said, under the client's id; undefined when none did. An answer that was
 * cut for UDP is asked for again over TCP; where that fails the cut one is better than none.
 */
export async function forward(
  deps: ExchangeDeps,
  query: Query,
  protocol: Protocol,
  resolvers: readonly AddressPort[],
): Promise<Buffer | undefined> {
  const { clock } = deps;
  const until = clock.monotonic() + patienceMillis;
  let unwanted: Buffer | undefined;
  for (const [i, resolver] of resolvers.entries()) {
    const left = until - clock.monotonic();
    if (left <= 0) break;
    const answer = await askOne(deps, query, protocol, resolver, left / (resolvers.length - i));
    if (answer && isHelpful(answer)) return answer;
    unwanted ??= answer;
  }
  return unwanted;
}

async function askOne(
  deps: ExchangeDeps,
  query: Query,
  protocol: Protocol,
  to: AddressPort,
  millis: number,
): Promise<Buffer | undefined> {
  if (protocol === 'tcp') return askByTcp(deps, query, to, millis);
  const { clock } = deps;
  const until = clock.monotonic() + millis;
  const answer = await askByUdp(deps, query, to, millis);
  if (!answer || (answer.readUInt16BE(2) & flags.truncated) === 0) return answer;
  return (await askByTcp(deps, query, to, Math.max(1, until - clock.monotonic()))) ?? answer;
}
