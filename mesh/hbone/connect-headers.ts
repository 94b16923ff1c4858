import type { Headers } from '../http2/session.ts';
import type { Workload } from '../records/workload.ts';
import { encodeBaggage, parseBaggage, type Baggage } from './baggage.ts';
import { traceIdOf } from './traceparent.ts';

interface Carried {
  readonly source: Workload;
  /** `address:port` of the application that calls. */
  readonly client: string;
  /** Host name of the service that it called, if it called one. */
  readonly service: string | undefined;
  /** One for each connection, the same in all its CONNECTs (W3C Trace Context). */
  readonly traceparent: string;
}

/** What a CONNECT says of the connection that it carries, in Istio's headers: to be logged, not to be believed. */
export const connectHeaders = ({ source, client, service, traceparent }: Carried): Headers => ({
  baggage: encodeBaggage(source),
  forwarded: `for="${client}"${service === undefined ? '' : `;host=${service}`}`,
  traceparent,
});

/** The same, read where it arrives. For logs and metrics only: the peer's certificate alone proves anything. */
export interface Said {
  readonly baggage: Baggage;
  /** The caller's network, which only the inner CONNECT of a double tunnel names. */
  readonly network: string | undefined;
  /** Host name of the service that was called. */
  readonly service: string | undefined;
  /** 32 hex digits. */
  readonly trace: string | undefined;
}

const forwardedNetwork = 'x-forwarded-network';

/**
 * True of the CONNECT in a session that came through a gateway. Such a session carries one connection of a client, so its
 * own connection is reset with it: the reset of the stream alone would arrive behind all that was sent before, and not
 * at all where nobody reads that.
 */
export const isInner = (headers: Headers): boolean => headers[forwardedNetwork] !== undefined;

export const readConnectHeaders = (headers: Headers): Said => ({
  baggage: parseBaggage(headers['baggage']),
  network: headers[forwardedNetwork],
  service: forwardedHost(headers['forwarded']),
  trace: traceIdOf(headers['traceparent']),
});

/** The `host` of a `forwarded` header (RFC 7239), with or without quotes; upstream writes it without. */
function forwardedHost(text = ''): string | undefined {
  for (const part of text.slice(0, 1024).split(';')) {
    const [, host] = /^\s*host="?([A-Za-z0-9._-]+)"?\s*$/i.exec(part) ?? [];
    if (host !== undefined) return host.toLowerCase();
  }
  return undefined;
}
