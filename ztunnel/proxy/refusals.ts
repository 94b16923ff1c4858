import { codeOf } from '@isthmus/mesh/process/coded-error.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';

/**
 * Says who was refused at which layer and why, once a second for each kind of refusal at most, with the number of
 * those that were left out: strangers must not fill a disk.
 */
export class Refusals {
  readonly #lines: LimitedLines;

  constructor(lines: LimitedLines) {
    this.#lines = lines;
  }

  tell(role: string, from: string, error: unknown): void {
    const layer = error instanceof TlsRefused ? error.layer : 'none';
    const reason = reasonOf(error);
    const message = error instanceof Error ? error.message : String(error);
    const kind = `${role}/${layer}/${reason}`;
    this.#lines.warn(kind, { role, from, layer, reason, error: message }, 'connection refused');
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TlsRefused) return error.refusal?.reason ?? 'HANDSHAKE';
  return codeOf(error) ?? 'FAILED';
}
