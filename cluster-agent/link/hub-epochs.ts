import { join } from 'node:path';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { StateFile } from '../state/state-file.ts';
import { UntilWritten, type Unsaved } from '../state/until-written.ts';

/** Hub id to epoch, decimal. */
type Saved = Readonly<Record<string, string>>;

/**
 * The highest epoch that was seen of the hub, on disk: a hub that was replaced is not believed again, over new streams
 * and after a restart of the agent, as a policy that its successor sent would be taken back by it.
 */
export class HubEpochs implements Unsaved {
  readonly #file: StateFile;
  readonly #seen: Map<string, bigint>;
  readonly #saved: UntilWritten;

  /** `onSaved`: the file was written. `onUnsaved`: it could not be, and is to be tried again. */
  constructor(
    stateDir: string,
    log: Log,
    onSaved: () => void = () => undefined,
    onUnsaved: () => void = () => undefined,
  ) {
    this.#file = new StateFile(join(stateDir, 'hub-epochs.json'), log);
    this.#saved = new UntilWritten(
      () => {
        this.#write();
        onSaved();
      },
      (error) => {
        log.error({ error }, 'the epoch of the hub is not saved; it will be tried again');
        onUnsaved();
      },
    );
    const saved = this.#file.read(isSaved) ?? {};
    this.#seen = new Map(Object.entries(saved).map(([hub, epoch]) => [hub, BigInt(epoch)]));
  }

  /** 0 before the first. */
  seen(hub: string): bigint {
    return this.#seen.get(hub) ?? 0n;
  }

  /** False for an epoch lower than one that was seen. A higher one is written down before this returns. */
  admit(hub: string, epoch: bigint): boolean {
    const seen = this.seen(hub);
    if (epoch < seen) return false;
    this.#seen.set(hub, epoch);
    if (epoch > seen || this.isUnsaved) this.save();
    return true;
  }

  /** A join starts over: the hub of that name may be another one. */
  forget(hub: string): void {
    if (this.#seen.delete(hub)) this.save();
  }

  get isUnsaved(): boolean {
    return this.#saved.isUnsaved;
  }

  get unsaved(): string | undefined {
    return this.#saved.unsaved;
  }

  /** What cannot be saved still counts. */
  save(): void {
    this.#saved.save();
  }

  #write(): void {
    this.#file.write(Object.fromEntries([...this.#seen].map(([hub, epoch]) => [hub, String(epoch)])));
  }
}

const isSaved = (value: unknown): value is Saved =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((one) => typeof one === 'string' && /^\d{1,19}$/.test(one));
