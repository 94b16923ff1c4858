import type { Random } from '../process/random.ts';

/** A connection's name in the logs of all proxies that it passes (W3C Trace Context, version 0, not sampled). */
export const newTraceparent = (random: Random): string =>
  `00-${random.bytes(16).toString('hex')}-${random.bytes(8).toString('hex')}-00`;

/** The trace id, 32 hex digits; undefined for what is not a traceparent. */
export const traceIdOf = (text = ''): string | undefined =>
  /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(text)?.[1];
