import type { Duplex } from 'node:stream';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { relay } from '@isthmus/mesh/net/relay.ts';
import type { Context } from '../engine/context.ts';
import type { AccessRecord } from '../telemetry/access-log.ts';
import type { TcpFacts } from '../telemetry/tcp-metrics.ts';
import type { LiveConnection } from './connections.ts';

/** What a connection's end tells: its line without the numbers, and its labels. */
export interface Told {
  readonly record: Omit<AccessRecord, 'bytesSent' | 'bytesRecv' | 'durationMillis' | 'error'>;
  readonly facts: Omit<TcpFacts, 'flags'>;
}

/** Copies bytes both ways, counted, registered and logged; `near` is the side that began the connection. */
export async function carry(
  context: Context,
  near: Duplex,
  far: Duplex,
  told: Told,
  peer: Peer | undefined,
  inbound: LiveConnection['inbound'],
): Promise<void> {
  const { clock, connections, metrics } = context;
  const started = clock.monotonic();
  const counted = metrics.of({ ...told.facts, flags: '-' });
  const counters = { sent: 0, received: 0 };
  let closedFor: string | undefined;
  const remove = connections.add({
    peer,
    ...(inbound ? { inbound } : {}),
    close(reason) {
      closedFor = reason;
      near.destroy();
      far.destroy();
    },
  });
  counted.opened++;
  const { error } = await relay(near, far, counters);
  remove();
  counted.closed++;
  counted.received += counters.sent;
  counted.sent += counters.received;
  // At the source what is sent goes to the server; at the destination it is what the server answers.
  const outbound = told.record.direction === 'outbound';
  const [bytesSent, bytesRecv] = outbound
    ? [counters.sent, counters.received]
    : [counters.received, counters.sent];
  context.access({
    ...told.record,
    bytesSent,
    bytesRecv,
    durationMillis: clock.monotonic() - started,
    error: closedFor ?? error?.message,
  });
}

/** A connection that was refused or could not be carried. */
export function tellFailure(
  context: Context,
  told: Told,
  error: string,
  flags: TcpFacts['flags'],
  startedAt: number,
): void {
  context.metrics.of({ ...told.facts, flags }).failed++;
  const durationMillis = context.clock.monotonic() - startedAt;
  context.access({ ...told.record, bytesSent: 0, bytesRecv: 0, durationMillis, error });
}
