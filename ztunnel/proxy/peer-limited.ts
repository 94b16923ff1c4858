import { ProxyError } from '../proxy-error.ts';
import type { Refusals } from './refusals.ts';
import type { ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';

export interface PeerLimitedDeps {
  readonly counters: Record<'limited', number>;
  readonly refusals: Refusals;
}

/** An identity has reached a limit of its share: counted, and logged once a second for each limit at most. */
export function peerLimited(
  { counters, refusals }: PeerLimitedDeps,
  identity: string,
  limit: ShareRefusal,
): void {
  counters.limited++;
  const message = `${identity} has used up its share of ${limit}; further requests are refused`;
  refusals.tell('share', identity, new ProxyError(`PEER_LIMIT_${limit}`, message));
}
