import { join } from 'node:path';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { StateFile } from '../state/state-file.ts';

/** Hub id to epoch, decimal. */
type Saved = Readonly<Record<string, string>>;

/**
 * The highest epoch that was seen of the hub, on disk: a hub that was replaced is not believed again, over new streams
 * and after a restart of the agent, as a policy that its successor sent would be taken back by it.
 */
export class HubEpochs {
  readonly #file: StateFile;
  readonly #log: Log;
  readonly #onSaved: () => void;
  readonly #seen: Map<string, bigint>;
  #unsaved = false;

  constructor(stateDir: string, log: Log, onSaved: () => void = () => undefined) {
    this.#file = new StateFile(join(stateDir, 'hub-epochs.json'), log);
    this.#log = log;
    this.#onSaved = onSaved;
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
    if (epoch > seen || this.#unsaved) this.#save();
    return true;
  }

  /** A join starts over: the hub of that name may be another one. */
  forget(hub: string): void {
    if (this.#seen.delete(hub)) this.#save();
  }

  /** What cannot be saved still counts, and is tried again with the next message. */
  #save(): void {
    try {
      this.#file.write(Object.fromEntries([...this.#seen].map(([hub, epoch]) => [hub, String(epoch)])));
      this.#unsaved = false;
      this.#onSaved();
    } catch (error) {
      this.#unsaved = true;
      this.#log.error({ error: String(error) }, 'the epoch of the hub is not saved; it will be tried again');
    }
  }
}

const isSaved = (value: unknown): value is Saved =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((one) => typeof one === 'string' && /^\d{1,19}$/.test(one));
