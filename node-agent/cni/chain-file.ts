import { readdirSync, readFileSync, rmSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import { chained, pluginType, unchained, usedFile } from './chain.ts';

/** A component that rewrites the chain all the time is answered this often at most. */
const restMillis = 1000;
/** What the watch does not show is seen then. */
const lookMillis = 10_000;

interface Deps {
  /** `/etc/cni/net.d` */
  readonly configurations: string;
  /** `/opt/cni/bin` */
  readonly programs: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps our plugin the last of the chain that the runtime uses, also where other components write that file. */
export class ChainFile {
  readonly #deps: Deps;
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #soon: Timer | undefined;
  /** Why it is not in the chain; undefined: it is. */
  problem: string | undefined = 'it is not chained yet';

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  open(): void {
    try {
      this.#watcher = watch(this.#deps.configurations, () => this.#lookSoon());
      this.#watcher.on('error', () => undefined);
    } catch {
      // Looking says what is wrong with the folder.
    }
    this.#again();
  }

  close(): void {
    this.#watcher?.close();
    this.#timer?.cancel();
    this.#soon?.cancel();
  }

  /** Takes it out of the chain, and then its program. */
  remove(): void {
    this.close();
    this.#change(unchained);
    rmSync(join(this.#deps.programs, pluginType), { force: true });
  }

  #again(): void {
    this.#look();
    this.#timer = this.#deps.clock.after(lookMillis, () => this.#again());
  }

  #lookSoon(): void {
    this.#soon ??= this.#deps.clock.after(restMillis, () => {
      this.#soon = undefined;
      this.#look();
    });
  }

  #look(): void {
    try {
      // The program first: a runtime refuses every pod of a chain whose program is missing.
      this.#putProgram();
      this.problem = this.#change(chained);
    } catch (error) {
      this.problem = String(error);
    }
    if (this.problem !== undefined)
      this.#deps.log.warn(
        { problem: this.problem },
        'the CNI plugin is not chained: new pods are captured after they start',
      );
  }

  #putProgram(): void {
    const path = join(this.#deps.programs, pluginType);
    const own = readFileSync(new URL('plugin.sh', import.meta.url), 'utf8');
    if (textAt(path) !== own) writeWhole(path, own, { mode: 0o755 });
  }

  /** Gives what is wrong. */
  #change(by: (name: string, text: string) => Result<string, string>): string | undefined {
    const { configurations, log } = this.#deps;
    try {
      const name = usedFile(readdirSync(configurations));
      if (name === undefined)
        return `${configurations} has no configuration yet: the cluster's own CNI writes it`;
      const path = join(configurations, name);
      const before = readFileSync(path, 'utf8');
      const after = by(name, before);
      if (!after.ok) return after.error;
      if (after.value !== before) {
        writeWhole(path, after.value, { mode: 0o644 });
        log.info({ path }, 'the chain of CNI plugins was written');
      }
      return undefined;
    } catch (error) {
      return String(error);
    }
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
