import { isDeepStrictEqual } from 'node:util';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { ObjectChange } from '@isthmus/api/kube/reflection.ts';
import { decodeObject, type Refusal } from '@isthmus/api/kubernetes/decode.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import { inForceFor, notEnforced, rejectionOf } from '../refused.ts';

/** What the view has of an object: its last good form, or what stands in for one that never had any. */
interface Held {
  readonly object: ClusterObject;
  readonly standsIn: Rejection | undefined;
}

/** Objects of the API come from no file. */
const written = { file: '', line: 0 };

/**
 * The objects of an API server as the view gets them: decoded one by one, and trimmed to what is used. A bad object is
 * refused alone. Its last good form stays, as it does when a file of manifests is edited badly; a security policy without
 * one has a stand-in that denies at least what it would.
 */
export class HeldObjects {
  readonly #held = new Map<string, Held>();
  readonly #rejections = new Map<string, readonly Rejection[]>();
  /** Generations of refused objects: each edit has another one, and a status that is written is no edit. */
  readonly #refused = new Map<string, unknown>();

  /** The events for changes of objects of one kind, in their order. Costs what they name. Never throws. */
  take(kind: string, changes: readonly ObjectChange[]): readonly SourceEvent[] {
    return changes.flatMap((change) => {
      const id = `${kind}/${change.key}`;
      return change.type === 'gone' ? this.#remove(id) : this.#put(id, change.object);
    });
  }

  #put(id: string, raw: object): readonly SourceEvent[] {
    const decoded = decodeObject(raw);
    if (!decoded.ok) return this.#refuse(id, decoded.error, generationOf(raw));
    this.#refused.delete(id);
    // Only kinds that are used are watched.
    if (decoded.value.kind !== 'object') return this.#remove(id);
    const { what, object, findings } = decoded.value;
    const rejections = [...notEnforced(object), ...findings].map((one) => rejectionOf(what, one, '', 0));
    return [this.#hold(id, { object, standsIn: undefined }), ...this.#report(id, rejections)];
  }

  #refuse(id: string, refusal: Refusal, generation: unknown): readonly SourceEvent[] {
    const before = this.#held.get(id);
    const isEdited = this.#refused.has(id) && this.#refused.get(id) !== generation;
    this.#refused.set(id, generation);
    const rejection = rejectionOf(refusal.object, refusal, '', 0);
    if (before && !before.standsIn) return this.#report(id, [rejection], isEdited);
    const inForce = inForceFor(refusal, written) ?? before;
    if (!inForce) return this.#report(id, [rejection], isEdited);
    const standsIn = inForce.standsIn ? [inForce.standsIn] : [];
    return [this.#hold(id, inForce), ...this.#report(id, [rejection, ...standsIn], isEdited)];
  }

  /** An object of which nothing else is left in what is decoded is no change for the view. */
  #hold(id: string, held: Held): SourceEvent {
    this.#held.set(id, held);
    return { type: 'upsert', id, object: held.object };
  }

  #remove(id: string): readonly SourceEvent[] {
    this.#refused.delete(id);
    const cleared = this.#report(id, []);
    return this.#held.delete(id) ? [{ type: 'remove', id }, ...cleared] : cleared;
  }

  #report(origin: string, rejections: readonly Rejection[], isEdited = false): readonly SourceEvent[] {
    if (!isEdited && isDeepStrictEqual(this.#rejections.get(origin) ?? [], rejections)) return [];
    if (rejections.length > 0) this.#rejections.set(origin, rejections);
    else this.#rejections.delete(origin);
    return [{ type: 'rejections', origin, rejections, ...(isEdited && { isEdited }) }];
  }
}

const generationOf = (raw: object): unknown =>
  'metadata' in raw &&
  typeof raw.metadata === 'object' &&
  raw.metadata !== null &&
  'generation' in raw.metadata
    ? raw.metadata.generation
    : undefined;
