import type { AuditBody, AuditState, Omitted, RecordedError } from '../store/audit.ts';
import type { Intent, IntentKind, Write } from '../store/store.ts';
import { fit } from './fit.ts';
import type { Redact } from './redact.ts';

/**
 * Most bytes of JSON that an entry keeps of its input, of the state before, and of the state after. A request has at most
 * 256 KiB; what is in practice asked for has a few.
 */
export const maxBytes = { input: 64 * 1024, state: 64 * 1024, errors: 16 * 1024, reason: 1024 };

export interface Asked {
  readonly input: unknown;
  readonly reason: string;
  readonly errors?: readonly RecordedError[];
  /** What was or would be written. */
  readonly writes?: readonly Write[];
  /** An object as it is before that. */
  readonly stored?: (kind: IntentKind, id: string) => Intent | undefined;
}

/** What the audit log keeps of something that was asked for: without secrets, and bounded. */
export function auditBody(
  { input, reason, errors = [], writes = [], stored }: Asked,
  redact: Redact,
): AuditBody {
  const omitted: Omitted[] = [];
  const fitted = <T>(value: T, room: number, path: string): T => {
    const kept = fit(redact(value), room, path);
    omitted.push(...kept.omitted);
    return kept.value as T;
  };
  const before = writes.map((write) => [objectOf(write), stored?.(kindOf(write), write.id) ?? null] as const);
  const after = writes.map((write) => [objectOf(write), 'put' in write ? write.put : null] as const);
  return {
    reason: fittedText(redact(reason), maxBytes.reason),
    input: fitted(input, maxBytes.input, 'input'),
    before: stateOf(fitted(Object.fromEntries(before), maxBytes.state, 'before')),
    after: stateOf(fitted(Object.fromEntries(after), maxBytes.state, 'after')),
    errors: fittedErrors(errors, redact),
    omitted,
  };
}

const kindOf = (write: Write): IntentKind => ('put' in write ? write.put.kind : write.remove);

const objectOf = (write: Write): string => `${kindOf(write)}/${write.id}`;

/** Of so many objects that not even their names fit, only the marker is there. */
const stateOf = (kept: unknown): AuditState =>
  typeof kept === 'object' && kept !== null ? (kept as AuditState) : { '…': kept };

/** A text of at most so many characters, with the number of those that are left out. */
export const fittedText = (text: unknown, characters: number): string => {
  const whole = String(text);
  if (whole.length <= characters) return whole;
  return `${whole.slice(0, characters)}… (${whole.length - characters} characters more)`;
};

/** The first errors, as many as fit; of what was wrong they say enough. */
function fittedErrors(errors: readonly RecordedError[], redact: Redact): AuditBody['errors'] {
  const kept: RecordedError[] = [];
  let left = maxBytes.errors;
  for (const { code, field, message } of errors) {
    const one = {
      code,
      field: field.slice(0, 20).map((step) => fittedText(redact(step), 100)),
      message: fittedText(redact(message), 2000),
    };
    left -= Buffer.byteLength(JSON.stringify(one));
    if (left < 0) break;
    kept.push(one);
  }
  return kept;
}
