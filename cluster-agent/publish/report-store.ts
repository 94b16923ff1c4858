import { contentVersion } from '@isthmus/api/wire/binary.ts';
import type { Produced, ProducedResources } from '@isthmus/mesh/delta/produced.ts';

/** Turns a report into bytes. */
type Encode<T> = (record: T) => Uint8Array;

/** The encoded reports of this cluster to the hub, by type and name. One that is set costs its own encoding. */
export class ReportStore {
  readonly #byType = new Map<string, Map<string, Produced>>();
  readonly #onChange: (type: string, names: readonly string[]) => void;

  /** `onChange`: these reports of a type differ from those of before. */
  constructor(onChange: (type: string, names: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** The reports of a type are known from here on, be there none. Before that the hub hears nothing of it. */
  begin(type: string): void {
    if (this.#byType.has(type)) return;
    this.#byType.set(type, new Map());
    this.#onChange(type, []);
  }

  /** Undefined: there is none of this name now. */
  set<T>(type: string, name: string, record: T | undefined, encode: Encode<T>): void {
    if (this.#put(type, name, record, encode)) this.#onChange(type, [name]);
  }

  /** Replaces all of a type: for types with few reports. */
  replace<T>(type: string, records: ReadonlyMap<string, T>, encode: Encode<T>): void {
    this.begin(type);
    const names = new Set([...(this.#byType.get(type)?.keys() ?? []), ...records.keys()]);
    const changed = [...names].filter((name) => this.#put(type, name, records.get(name), encode));
    if (changed.length > 0) this.#onChange(type, changed);
  }

  /** Undefined before the type has begun. */
  of(type: string): ProducedResources | undefined {
    return this.#byType.get(type);
  }

  /** True when it is another one than before. */
  #put<T>(type: string, name: string, record: T | undefined, encode: Encode<T>): boolean {
    this.begin(type);
    const held = this.#byType.get(type);
    if (!held) return false;
    if (record === undefined) return held.delete(name);
    const body = encode(record);
    const version = contentVersion(body);
    if (held.get(name)?.version === version) return false;
    held.set(name, { version, body });
    return true;
  }
}
