import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { flushFolder } from './flush-folder.ts';
import {
  encodeRecord,
  endMark,
  flushedMark,
  maxKeyBytes,
  readRecords,
  type Found,
} from './journal-record.ts';
import { loadSegments, type Loaded, type Place } from './read-segments.ts';
import { Segment } from './segment.ts';
import { SharedRun } from './shared-run.ts';

interface Deps {
  /** It is the journal's alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What a segment has at most, unless one record has more. @default 4 MiB */
  readonly segmentBytes?: number;
}

const mebibyte = 2 ** 20;
/** What is copied in one turn of the event loop, so that nothing else waits for it for long. */
const turnBytes = 256 * 1024;
/** How long a compaction that failed is not tried again, milliseconds: each try reads a segment. */
const compactAgainMillis = 60_000;

/**
 * Bodies by key, on disk. A change adds a record to the newest segment; nothing is rewritten whole. Of a key the last
 * record counts. When all segments are more than twice what lives and one segment, what lives in the oldest is copied to
 * the newest, and the oldest is deleted.
 */
export class Journal {
  readonly #deps: Deps;
  readonly #segmentBytes: number;
  /** Oldest first. */
  readonly #segments: Segment[];
  /** In memory a key has its place, and not its body. */
  readonly #places: Map<string, Place>;
  /** Bytes of the records that count. */
  #live = 0;
  /** Segments with records that are in the kernel's hands, and perhaps not on the disk. */
  readonly #dirty: Set<Segment>;
  #isFolderDirty = true;
  readonly #flushing = new SharedRun(() => this.#flush());
  #isCompacting = false;
  /** Monotonic milliseconds. */
  #compactFrom = -Infinity;
  #isClosed = false;
  /** What it has cost since the start. */
  readonly counts = { bytesWritten: 0, flushes: 0 };

  /** Reads the segments, oldest first. A damaged folder is set aside beside a warning. Throws STATE_FILE, WRITE_FAILED. */
  constructor(deps: Deps) {
    this.#deps = deps;
    this.#segmentBytes = deps.segmentBytes ?? 4 * mebibyte;
    const { segments, places } = this.#load();
    this.#segments = segments;
    this.#places = places;
    for (const { size } of places.values()) this.#live += size;
    // A process that was killed may have flushed none of what it wrote.
    this.#dirty = new Set(segments);
  }

  /** Bodies are read from the disk as they are asked for. Throws READ_FAILED. */
  *entries(): Iterable<readonly [key: string, body: Uint8Array]> {
    for (const segment of [...this.#segments])
      for (const found of readRecords(segment.read()))
        // A copy: a view would keep all of the segment in memory.
        if (found.record.kind === 'PUT' && this.#isNewest(segment, found))
          yield [found.record.key, Uint8Array.from(found.record.body)];
  }

  /**
   * It is in the kernel's hands when this returns: it outlives the process, and a crash of the machine once it is flushed.
   * Throws WRITE_FAILED, also for a key of more than 65,535 bytes; what was held stays then.
   */
  put(key: string, body: Uint8Array): void {
    const bytes = Buffer.byteLength(key);
    if (bytes > maxKeyBytes)
      throw new MeshError(
        'WRITE_FAILED',
        `a key of ${bytes} bytes cannot be written to ${this.#deps.folder}: it may have ${maxKeyBytes} at most`,
      );
    if (this.#isClosed) return;
    this.#place(key, encodeRecord({ kind: 'PUT', key, body }));
    this.#compactSoon();
  }

  /** As `put`. */
  remove(key: string): void {
    const place = this.#places.get(key);
    if (!place || this.#isClosed) return;
    this.#append(encodeRecord({ kind: 'REMOVE', key }));
    this.#places.delete(key);
    this.#live -= place.size;
    this.#compactSoon();
  }

  /**
   * What was put and removed before is on the disk then. Calls that come while one flush runs share the next. Rejects with
   * WRITE_FAILED; the next call flushes it again.
   */
  flushed(): Promise<void> {
    return this.#flushing.request();
  }

  /** What was put is flushed, if it can be. What comes from now on is left out: the folder may be another process's. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flushed().catch(() => undefined);
    for (const segment of this.#segments) segment.close();
  }

  #load(): Loaded {
    const { folder, log } = this.#deps;
    const loaded = loadSegments(folder);
    if (loaded !== 'DAMAGED') return loaded;
    const aside = `${folder}.damaged`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(folder, aside);
    log.warn(
      { folder, aside },
      'a folder of the agent’s state is damaged; it was set aside and started over',
    );
    return loadSegments(folder) as Loaded;
  }

  #isNewest(segment: Segment, { record, offset }: Found): boolean {
    const place = 'key' in record ? this.#places.get(record.key) : undefined;
    return place?.segment === segment && place.offset === offset;
  }

  #place(key: string, record: Uint8Array): void {
    const { segment, offset } = this.#append(record);
    this.#live += record.length - (this.#places.get(key)?.size ?? 0);
    this.#places.set(key, { segment, offset, size: record.length });
  }

  #append(record: Uint8Array): { readonly segment: Segment; readonly offset: number } {
    const newest = this.#segments.at(-1);
    const fits = newest && (newest.size === 0 || newest.size + record.length <= this.#segmentBytes);
    const segment = fits ? newest : this.#begin();
    const offset = segment.append(record);
    this.counts.bytesWritten += record.length;
    this.#dirty.add(segment);
    return { segment, offset };
  }

  /** Another segment, to which records are added from now on. */
  #begin(): Segment {
    const newest = this.#segments.at(-1);
    newest?.append(endMark);
    if (newest) this.#dirty.add(newest);
    const next = Segment.create(this.#deps.folder, (newest?.number ?? 0) + 1);
    this.#segments.push(next);
    this.#isFolderDirty = true;
    return next;
  }

  async #flush(): Promise<void> {
    const { folder } = this.#deps;
    const dirty = [...this.#dirty];
    const isFolderDirty = this.#isFolderDirty;
    if (dirty.length === 0 && !isFolderDirty) return;
    this.#dirty.clear();
    this.#isFolderDirty = false;
    try {
      for (const segment of dirty) await segment.flush();
      if (isFolderDirty) for (const path of [folder, dirname(folder)]) await flushFolder(path);
    } catch (error) {
      for (const segment of dirty) this.#dirty.add(segment);
      this.#isFolderDirty ||= isFolderDirty;
      throw error;
    }
    this.counts.flushes++;
    this.#mark();
    for (const segment of dirty)
      if (segment !== this.#segments.at(-1) && !this.#dirty.has(segment)) segment.close();
  }

  /** So that damage to what has been flushed is not taken for what a crash has cut off. */
  #mark(): void {
    // What came during the flush is not covered by it.
    if (this.#dirty.size > 0 || this.#isClosed) return;
    try {
      this.#segments.at(-1)?.append(flushedMark);
    } catch {
      // Nothing is lost without it, and the next record that cannot be written is reported.
    }
  }

  #compactSoon(): void {
    const { clock, log, folder } = this.#deps;
    if (this.#isCompacting || !this.#isWasteful() || clock.monotonic() < this.#compactFrom) return;
    this.#isCompacting = true;
    this.#compact()
      .catch((error: unknown) => {
        this.#compactFrom = clock.monotonic() + compactAgainMillis;
        log.error(
          { folder, error: String(error) },
          'old records are not removed; it is tried again in a minute',
        );
      })
      .finally(() => (this.#isCompacting = false));
  }

  #isWasteful(): boolean {
    const all = this.#segments.reduce((sum, { size }) => sum + size, 0);
    return all > 2 * this.#live + this.#segmentBytes;
  }

  async #compact(): Promise<void> {
    for (let [oldest] = this.#segments; oldest && this.#isWasteful(); [oldest] = this.#segments) {
      await sleep(this.#deps.clock, 0);
      await this.#copyNewest(oldest);
      await this.flushed();
      if (this.#isClosed) return;
      oldest.delete();
      this.#segments.shift();
      this.#isFolderDirty = true;
    }
  }

  /** What it removes is left out: nothing is older that it could remove. */
  async #copyNewest(oldest: Segment): Promise<void> {
    if (oldest === this.#segments.at(-1)) this.#begin();
    const bytes = oldest.read();
    let [end, inTurn] = [0, 0];
    for (const found of readRecords(bytes)) {
      const { record, offset, size } = found;
      end = offset + size;
      if (record.kind !== 'PUT' || !this.#isNewest(oldest, found)) continue;
      this.#place(record.key, bytes.subarray(offset, end));
      inTurn += size;
      if (inTurn < turnBytes) continue;
      inTurn = 0;
      await sleep(this.#deps.clock, 0);
      if (this.#isClosed) return;
    }
    if (end < oldest.size) throw new MeshError('READ_FAILED', `${oldest.path} is damaged after byte ${end}`);
  }
}
