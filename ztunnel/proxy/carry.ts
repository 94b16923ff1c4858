import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { relay, type Counters, type RelayEnd } from '@isthmus/mesh/net/relay.ts';
import type { PeerShare } from '@isthmus/mesh/shares/peer-share.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { AccessRecord } from '../telemetry/access-log.ts';
import { flagsOf, type ResponseFlags } from '../telemetry/response-flags.ts';
import type { TcpFacts } from '../telemetry/tcp-labels.ts';
import type { TcpMetrics } from '../telemetry/tcp-metrics.ts';
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';
import { tapped, type Show } from './tap.ts';

/** To count and log a connection that was not carried. */
export interface FailureDeps {
  readonly clock: Clock;
  readonly metrics: TcpMetrics;
  readonly access: (record: AccessRecord) => void;
}

/** To count and log a connection while it is carried. */
export interface AccountDeps extends FailureDeps {
  readonly log: Log;
}

/** What is logged and counted of a connection: its access-log record without the numbers, and its metric labels. */
export interface ConnectionTelemetry {
  readonly record: Omit<AccessRecord, 'bytesSent' | 'bytesRecv' | 'durationMillis' | 'error'>;
  readonly facts: TcpFacts;
  /** Of the connection as a whole: the same at every proxy that it passes. */
  readonly trace?: string | undefined;
}

/** A connection that was let in, as it is counted, registered and logged. */
export interface Accounted {
  readonly telemetry: ConnectionTelemetry;
  /** Monotonic, when it arrived: what it took to reach the far side is a part of its time. */
  readonly started: number;
  /** It was let in; carrying it gives the place back. */
  readonly place: Place;
}

interface Carried extends Accounted {
  /** The side that began the connection. */
  readonly near: ByteStream;
  readonly far: ByteStream;
  /** Pays for what waits in memory; undefined where nobody has proved who it is, or it is a pod of our own. */
  readonly share?: PeerShare | undefined;
  /** Sees all bytes, where that was asked for. */
  readonly tap?: { readonly near: Show; readonly far: Show } | undefined;
}

/** Copies bytes both ways, counted, registered and logged. */
export function carry(deps: AccountDeps, { near, far, share, tap, ...account }: Carried): Promise<void> {
  const counters = { sent: 0, received: 0 };
  const cut = () => {
    near.reset();
    far.reset();
  };
  return accounted(deps, account, counters, cut, () => {
    if (!near.closed && !far.closed) return relayed({ near, far, share, tap }, counters);
    // The client may have closed while the far side was being reached.
    cut();
    return Promise.resolve({ error: new Error('the peer has gone') });
  });
}

/**
 * Counts, registers and logs a connection while `run` carries it. `cut` ends it at once when it may live no longer: the
 * sentence says why.
 */
export async function accounted(
  { clock, metrics, log, access }: AccountDeps,
  { telemetry, started, place }: Accounted,
  counters: Readonly<Counters>,
  cut: (why: string) => void,
  run: () => Promise<RelayEnd>,
): Promise<void> {
  let closedFor: Ending | undefined;
  place.carried(aboutOf(telemetry), (ending) => {
    closedFor = ending;
    cut(ending.message);
  });
  const ended = metrics.open(telemetry.facts, () => ({ received: counters.sent, sent: counters.received }));
  log.debug({ scope: 'access', trace: telemetry.trace, ...telemetry.record }, 'connection opened');
  const { error } = await run();
  place.leave();
  ended(closedFor?.flags ?? (error ? flagsOf(error) : '-'));
  // At the source what is sent goes to the server; at the destination it is what the server answers.
  const outbound = telemetry.record.direction === 'outbound';
  access({
    ...telemetry.record,
    bytesSent: outbound ? counters.sent : counters.received,
    bytesRecv: outbound ? counters.received : counters.sent,
    durationMillis: clock.monotonic() - started,
    error: closedFor?.message ?? error?.message,
  });
}

function relayed(
  { near, far, share, tap }: Pick<Carried, 'near' | 'far' | 'share' | 'tap'>,
  counters: Counters,
): Promise<RelayEnd> {
  const ledgers = share && { toA: share.unsent, toB: share.unread };
  return relay(shownBy(tap?.near, near), shownBy(tap?.far, far), counters, ledgers);
}

const shownBy = (show: Show | undefined, stream: ByteStream): ByteStream =>
  show ? tapped(stream, show) : stream;

export const aboutOf = ({
  record: { srcAddr, dstAddr, dstHboneAddr, dstService },
}: ConnectionTelemetry): string => `${srcAddr} -> ${dstAddr} ${dstHboneAddr ?? dstService ?? ''}`.trim();

/** A connection that was refused or could not be carried. */
export function reportFailure(
  deps: FailureDeps,
  telemetry: ConnectionTelemetry,
  error: string,
  flags: ResponseFlags,
  startedAt: number,
): void {
  deps.metrics.open(telemetry.facts)(flags);
  const durationMillis = deps.clock.monotonic() - startedAt;
  deps.access({ ...telemetry.record, bytesSent: 0, bytesRecv: 0, durationMillis, error });
}
