import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { answerText, readRequest, type PluginRequest } from './request.ts';

/** What is not seen by the watch is seen then. */
const lookMillis = 1000;
/** More requests than these wait in the folder: a node starts tens of pods at once. */
export const maxRequests = 256;
/** An answer that no plugin has taken by then is of one that has ended. */
const staleMillis = 60_000;

interface Deps {
  readonly folder: string;
  readonly ownNamespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves to why the pod must not start; undefined: it may. */
  readonly onAdd: (request: PluginRequest) => Promise<string | undefined>;
  readonly onDel: (request: PluginRequest) => void;
}

/** The folder in which the plugin leaves its calls and finds the answers. Each request is handled by itself. */
export class Mailbox {
  readonly #deps: Deps;
  readonly #taken = new Set<string>();
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #namespaces = '';
  /** Why it cannot be used; undefined: it can. */
  problem: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  open(): void {
    const { folder, ownNamespace } = this.#deps;
    this.#trying(() => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeWhole(join(folder, 'own'), `${ownNamespace}\n`, { flush: false });
      this.#watcher = watch(folder, () => this.#look());
      this.#watcher.on('error', () => undefined);
    });
    this.#again();
  }

  /** Pods of these namespaces fail to start while no agent answers. Written before one of them is captured. */
  keepNamespaces(names: readonly string[]): void {
    const text = [...names].sort().join('\n') + '\n';
    if (text === this.#namespaces) return;
    this.#trying(() => writeWhole(join(this.#deps.folder, 'namespaces'), text, { flush: false }));
    if (this.problem === undefined) this.#namespaces = text;
  }

  close(): void {
    this.#watcher?.close();
    this.#timer?.cancel();
  }

  remove(): void {
    this.close();
    rmSync(this.#deps.folder, { recursive: true, force: true });
  }

  #again(): void {
    this.#look();
    this.#timer = this.#deps.clock.after(lookMillis, () => this.#again());
  }

  #look(): void {
    this.#trying(() => {
      for (const file of readdirSync(this.#deps.folder)) {
        if (file.endsWith('.answer')) this.#removeStale(file);
        if (!file.endsWith('.request') || this.#taken.has(file) || this.#taken.size >= maxRequests) continue;
        this.#taken.add(file);
        void this.#take(file);
      }
    });
  }

  #removeStale(file: string): void {
    const path = join(this.#deps.folder, file);
    try {
      if (this.#deps.clock.now() - statSync(path).mtimeMs > staleMillis) rmSync(path, { force: true });
    } catch {
      // The plugin has just taken it.
    }
  }

  async #take(file: string): Promise<void> {
    const { folder, log } = this.#deps;
    const path = join(folder, file);
    try {
      const request = readRequest(readFileSync(path, 'utf8'));
      const problem = request.ok ? await this.#answer(request.value) : request.error;
      if (problem !== undefined) log.warn({ file, problem }, 'a call of the CNI plugin failed');
      // A plugin that gave up has taken its request with it, and nobody would read the answer.
      if (file.startsWith('ADD-') && isThere(path))
        writeWhole(join(folder, `${file.slice(0, -'.request'.length)}.answer`), answerText(problem), {
          flush: false,
        });
    } catch (error) {
      log.warn({ file, error: String(error) }, 'a request of the CNI plugin was not answered');
    } finally {
      rmSync(path, { force: true });
      this.#taken.delete(file);
    }
  }

  async #answer(request: PluginRequest): Promise<string | undefined> {
    if (request.command === 'ADD') return this.#deps.onAdd(request);
    this.#deps.onDel(request);
    return undefined;
  }

  #trying(run: () => void): void {
    try {
      run();
      this.problem = undefined;
    } catch (error) {
      this.problem = `the mailbox of the CNI plugin cannot be used: ${String(error)}`;
    }
  }
}

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}
