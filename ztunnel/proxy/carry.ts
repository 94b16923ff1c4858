import type { Duplex } from 'node:stream';
import { relay } from '@isthmus/mesh/net/relay.ts';
import type { PeerShare } from '@isthmus/mesh/shares/peer-share.ts';
import { reset } from '@isthmus/mesh/net/reset.ts';
import type { Context } from '../engine/context.ts';
import type { AccessRecord } from '../telemetry/access-log.ts';
import { flagsOf, type ResponseFlags } from '../telemetry/response-flags.ts';
import type { TcpFacts } from '../telemetry/tcp-labels.ts';
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';

/** What is logged and counted of a connection: its access-log record without the numbers, and its metric labels. */
export interface ConnectionTelemetry {
  readonly record: Omit<AccessRecord, 'bytesSent' | 'bytesRecv' | 'durationMillis' | 'error'>;
  readonly facts: TcpFacts;
  /** Of the connection as a whole: the same at every proxy that it passes. */
  readonly trace?: string | undefined;
}

interface Carried {
  /** The side that began the connection. */
  readonly near: Duplex;
  readonly far: Duplex;
  readonly telemetry: ConnectionTelemetry;
  /** Monotonic, when it arrived: what it took to reach the far side is a part of its time. */
  readonly started: number;
  /** It was let in; carrying it gives the place back. */
  readonly place: Place;
  /** Pays for what waits in memory; undefined where nobody has proved who it is, or it is a pod of our own. */
  readonly share?: PeerShare | undefined;
}

/** Copies bytes both ways, counted, registered and logged. */
export async function carry(
  context: Context,
  { near, far, telemetry, started, place, share }: Carried,
): Promise<void> {
  const { clock, metrics, log } = context;
  const counters = { sent: 0, received: 0 };
  let closedFor: Ending | undefined;
  place.carried(aboutOf(telemetry), (ending) => {
    closedFor = ending;
    reset(near);
    reset(far);
  });
  // The client may have closed while the far side was being reached, and its 'close' is not emitted again.
  const gone = near.destroyed || far.destroyed;
  if (gone) for (const side of [near, far]) reset(side.on('error', () => undefined));
  const ended = metrics.open(telemetry.facts, () => ({ received: counters.sent, sent: counters.received }));
  log.debug({ scope: 'access', trace: telemetry.trace, ...telemetry.record }, 'connection opened');
  const unwatch = context.lostPeers.watch(near, far, counters);
  const { error } = gone
    ? { error: new Error('the peer has gone') }
    : await relay(near, far, counters, share && { toA: share.unsent, toB: share.unread });
  unwatch();
  place.leave();
  ended(closedFor?.flags ?? (error ? flagsOf(error) : '-'));
  // At the source what is sent goes to the server; at the destination it is what the server answers.
  const outbound = telemetry.record.direction === 'outbound';
  context.access({
    ...telemetry.record,
    bytesSent: outbound ? counters.sent : counters.received,
    bytesRecv: outbound ? counters.received : counters.sent,
    durationMillis: clock.monotonic() - started,
    error: closedFor?.message ?? error?.message,
  });
}

export const aboutOf = ({
  record: { srcAddr, dstAddr, dstHboneAddr, dstService },
}: ConnectionTelemetry): string => `${srcAddr} -> ${dstAddr} ${dstHboneAddr ?? dstService ?? ''}`.trim();

/** A connection that was refused or could not be carried. */
export function reportFailure(
  context: Context,
  telemetry: ConnectionTelemetry,
  error: string,
  flags: ResponseFlags,
  startedAt: number,
): void {
  context.metrics.open(telemetry.facts)(flags);
  const durationMillis = context.clock.monotonic() - startedAt;
  context.access({ ...telemetry.record, bytesSent: 0, bytesRecv: 0, durationMillis, error });
}
