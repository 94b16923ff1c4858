import type { LinkIdentity } from './identity.ts';

/**
 * The addresses at which the hub is dialled: those that it has named last, then those that led to it before. A hub that
 * names wrong ones by an oversight is not lost by that.
 */
export const dialled = ({ endpoints, earlierEndpoints = [] }: LinkIdentity): readonly string[] => [
  ...new Set([...endpoints, ...earlierEndpoints]),
];

/** The identity with the addresses that the hub names now; undefined when these are those that it has, or none. */
export function movedTo(identity: LinkIdentity, endpoints: readonly string[]): LinkIdentity | undefined {
  const isSame =
    endpoints.length === identity.endpoints.length &&
    endpoints.every((one, i) => one === identity.endpoints[i]);
  if (isSame || endpoints.length === 0) return undefined;
  return { ...identity, endpoints, earlierEndpoints: identity.endpoints };
}
