import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';

const everyMillis = 1000;

/**
 * Says who was refused at which layer and why, once a second for each kind of refusal at most, with the number of
 * those that were left out: strangers must not fill a disk.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #last = new Map<string, { at: number; suppressed: number }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  tell(role: string, from: string, error: unknown): void {
    const layer = error instanceof TlsRefused ? error.layer : 'none';
    const reason = reasonOf(error);
    const key = `${role}/${layer}/${reason}`;
    const last = this.#last.get(key) ?? { at: -Infinity, suppressed: 0 };
    const now = this.#clock.monotonic();
    if (last.at + everyMillis > now) {
      last.suppressed++;
      return;
    }
    this.#last.set(key, { at: now, suppressed: 0 });
    const message = error instanceof Error ? error.message : String(error);
    const { suppressed } = last;
    this.#log.warn(
      { role, from, layer, reason, error: message, ...(suppressed > 0 && { suppressed }) },
      'connection refused',
    );
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TlsRefused) return error.refusal?.reason ?? 'HANDSHAKE';
  return error instanceof CodedError ? error.code : 'FAILED';
}
