import { createHash } from 'node:crypto';
import { cut, timestamp } from './condition-list.ts';
import { writtenKinds } from './written-kinds.ts';
import {
  fieldManager,
  ownLabels,
  type Current,
  type Note,
  type Statement,
  type Target,
} from './written-object.ts';

/** A note, and the object that it is about. */
export interface Noted {
  readonly target: Target;
  readonly apiVersion: string;
  readonly uid: string;
  readonly note: Note;
}

interface Entry {
  readonly noted: Noted;
  /** How often since it was written last. */
  readonly times: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Events that wait to be written. One that comes while there are as many is lost: its object says the same. */
export const maxEvents = 500;

/** Events that are to be written: one for each object and reason, which counts. */
export class EventBook {
  readonly #entries = new Map<string, Entry>();

  /** The Event that has to be written; undefined: too many wait. `now`: epoch milliseconds. */
  add(noted: Noted, now: number): Target | undefined {
    const name = eventName(noted);
    const before = this.#entries.get(name);
    if (!before && this.#entries.size >= maxEvents) return undefined;
    this.#entries.set(name, { noted, times: (before?.times ?? 0) + 1, at: now });
    return { kind: 'Event', namespace: noted.target.namespace, name };
  }

  /** How many wait. */
  get size(): number {
    return this.#entries.size;
  }

  /** Undefined: it was written. */
  statementOf({ name }: Target): Statement | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    return {
      ...writtenKinds.Event,
      // Its namespace may be gone.
      writes: (current) => [
        { how: 'APPLY', subresource: '', object: eventObject(name, entry, current), mayBeMissing: true },
      ],
      written: () => this.#written(name, entry),
    };
  }

  clear(): void {
    this.#entries.clear();
  }

  /** What came meanwhile stays. */
  #written(name: string, { times }: Entry): void {
    const now = this.#entries.get(name);
    if (!now) return;
    if (now.times <= times) this.#entries.delete(name);
    else this.#entries.set(name, { ...now, times: now.times - times });
  }
}

/** `<name>.isthmus-<digest>`, the same for one object and reason. An object that is made again under its name is another one. */
function eventName({ target: { kind, name }, uid, note: { reason } }: Noted): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, uid, reason]))
    .digest('hex');
  return `${name.slice(0, 200).replace(/[.-]+$/, '')}.isthmus-${digest.slice(0, 16)}`;
}

function eventObject(name: string, { noted, times, at }: Entry, current: Current | undefined): object {
  const { target, apiVersion, uid, note } = noted;
  const counted = current?.raw['count'];
  const first = current?.raw['firstTimestamp'];
  const now = timestamp(at);
  return {
    metadata: { namespace: target.namespace, name, labels: ownLabels },
    involvedObject: { ...target, apiVersion, uid },
    type: 'Warning',
    reason: note.reason,
    message: cut(note.message),
    count: (typeof counted === 'number' ? counted : 0) + times,
    firstTimestamp: typeof first === 'string' ? first : now,
    lastTimestamp: now,
    source: { component: fieldManager },
    reportingComponent: fieldManager,
  };
}
