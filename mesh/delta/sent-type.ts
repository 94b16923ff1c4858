import { noVersion, type DeltaRequest } from './messages.ts';
import type { Acknowledgement, ProducedResources, RejectedVersion } from './produced.ts';
import { readRejections } from './rejections.ts';

/** What a response changed, until it is answered. `version` undefined: removed. */
interface InFlight {
  readonly nonce: string;
  readonly changes: ReadonlyMap<
    string,
    { readonly version: string | undefined; readonly previous: string | undefined }
  >;
}

/** One page of work: what goes into the next response. */
export interface Page {
  readonly upserts: readonly { readonly name: string; readonly version: string; readonly body: Uint8Array }[];
  readonly removed: readonly string[];
}

/** What one consumer holds of one type as far as the producer knows, and what has yet to be sent to it. */
export class SentType {
  /** Name to version: held, or under way to be. */
  readonly #known: Map<string, string>;
  readonly #rejected = new Map<string, RejectedVersion>();
  /** Names to compare with what there is; undefined: all of them. */
  #dirty: Set<string> | undefined;
  #inFlight: InFlight | undefined;
  /** The first response, which is sent even when it is empty, and everything with it. */
  completed = false;
  epoch = 0n;

  constructor(initialVersions: ReadonlyMap<string, string>) {
    this.#known = new Map(initialVersions);
  }

  get busy(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Something may differ now: the names, or anything. */
  mark(names: Iterable<string> | undefined): void {
    if (names === undefined) this.#dirty = undefined;
    else if (this.#dirty) for (const name of names) this.#dirty.add(name);
  }

  /**
   * Names whose version the consumer lacks, and names that are gone. Names that are settled are forgotten. What the
   * consumer refused and is gone is removed too, as something may stand in for it there.
   */
  pending(resources: ProducedResources, hold: (name: string) => boolean): Pending {
    const names =
      this.#dirty ?? new Set([...resources.keys(), ...this.#known.keys(), ...this.#rejected.keys()]);
    const pending: Pending = { upserts: [], removals: [] };
    for (const name of names) {
      const current = resources.get(name)?.version;
      const known = this.#known.get(name);
      const isGone = current === undefined && this.#rejected.has(name);
      if (current === known && !isGone) this.#rejected.delete(name);
      else if (known !== undefined && hold(name)) continue;
      else if (current === undefined) pending.removals.push(name);
      else if (this.#rejected.get(name)?.version !== current) pending.upserts.push(name);
    }
    this.#dirty = new Set([...pending.upserts, ...pending.removals]);
    return pending;
  }

  sent(nonce: string, { upserts, removed }: Page): void {
    const changes = new Map<string, { version: string | undefined; previous: string | undefined }>();
    for (const { name, version } of upserts) {
      changes.set(name, { version, previous: this.#known.get(name) });
      this.#known.set(name, version);
    }
    for (const name of removed) {
      changes.set(name, { version: undefined, previous: this.#known.get(name) });
      this.#known.delete(name);
      this.#rejected.delete(name);
    }
    this.#inFlight = { nonce, changes };
  }

  /** Takes an answer to the last response; undefined when it answers an older one. */
  answer({ nonce, error }: DeltaRequest): Acknowledgement | undefined {
    const inFlight = this.#inFlight;
    if (inFlight?.nonce !== nonce) return undefined;
    this.#inFlight = undefined;
    const refused = error === '' ? new Map<string, string>() : readRejections(error, inFlight.changes.keys());
    const applied = new Map<string, string>();
    const removed: string[] = [];
    const rejected = new Map<string, RejectedVersion>();
    for (const [name, { version, previous }] of inFlight.changes) {
      const reason = refused.get(name);
      if (version === undefined) removed.push(name);
      else if (reason === undefined) {
        applied.set(name, version);
        // While this one was under way, there may again be what was refused before it: that is news now.
        if (this.#rejected.delete(name)) this.#dirty?.add(name);
      } else {
        rejected.set(name, { version, reason });
        this.#restore(name, previous);
        this.reject(name, { version, reason });
      }
    }
    return { applied, removed, rejected };
  }

  /** Also for what cannot be sent at all. */
  reject(name: string, rejection: RejectedVersion): void {
    this.#rejected.set(name, rejection);
    // It may have changed while the refused version was under way.
    this.#dirty?.add(name);
  }

  /** What was refused is offered once more; false when nothing was. */
  retry(): boolean {
    if (this.#rejected.size === 0) return false;
    for (const name of this.#rejected.keys()) this.#dirty?.add(name);
    this.#rejected.clear();
    return true;
  }

  /** What the consumer has refused and not taken since, by name. */
  get rejected(): ReadonlyMap<string, RejectedVersion> {
    return this.#rejected;
  }

  acknowledged(name: string): string | RejectedVersion | undefined {
    const flying = this.#inFlight?.changes.get(name);
    const version = flying ? flying.previous : this.#known.get(name);
    return this.#rejected.get(name) ?? (version === noVersion ? undefined : version);
  }

  #restore(name: string, previous: string | undefined): void {
    if (previous === undefined) this.#known.delete(name);
    else this.#known.set(name, previous);
  }
}

interface Pending {
  readonly upserts: string[];
  readonly removals: string[];
}
