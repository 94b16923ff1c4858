import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Source } from '../../runtime/source.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import type { Allocations } from './allocations.ts';
import type { Ask } from './ask.ts';
import type { Folder } from './folder.ts';
import { Kubelet } from './kubelet.ts';

/** The whole folder is looked at so often, as a watch may miss something, and so many times as long as that takes. */
const rescanMillis = 10_000;
const wholeShare = 200;
/** A file that is written to all the time, and a pod that does not answer, hold up the first listing this long. */
const listMillis = 1000;
const askMillis = 3000;

interface Deps {
  readonly folder: Folder;
  readonly allocations: Allocations;
  readonly ask: Ask;
  readonly clock: Clock;
}

/** A folder of manifests as a cluster, whose pods are run as a kubelet would. */
export function filesSource(deps: Deps): Source {
  return {
    run(emit, signal) {
      const running = new Running(deps, emit, signal);
      deps.folder.watch(() => running.soon(0), signal);
      running.look();
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          running.stop();
          resolve();
        });
      });
    },
  };
}

/**
 * Looks at the folder whenever there may be something new. The cluster is listed once its files have stood still and
 * each pod was asked whether it is ready: an agent that starts again must not say that nobody is.
 */
class Running {
  readonly #deps: Deps;
  readonly #emit: (batch: readonly SourceEvent[]) => void;
  readonly #signal: AbortSignal;
  readonly #kubelet: Kubelet;
  readonly #start: number;
  #next: { readonly at: number; readonly timer: Timer } | undefined;
  #notBefore = 0;
  /** When the whole folder is looked at next. */
  #wholeAt = -Infinity;
  #listed = false;
  #waited = false;
  #synced = false;

  constructor(deps: Deps, emit: (batch: readonly SourceEvent[]) => void, signal: AbortSignal) {
    this.#deps = deps;
    this.#emit = emit;
    this.#signal = signal;
    this.#start = deps.clock.monotonic();
    this.#kubelet = new Kubelet({ ...deps, emit, onAnswer: () => this.#syncWhenKnown() });
  }

  look(): void {
    const { folder, clock } = this.#deps;
    const now = clock.monotonic();
    const isWhole = now >= this.#wholeAt;
    const { events, unsettled, behind, again } = folder.look(now, isWhole);
    const enriched = this.#kubelet.enrich(events);
    if (enriched.length > 0) this.#emit(enriched);
    // Unknown is never empty: nothing is listed before every file has been read once.
    if (!this.#listed && !behind && (!unsettled || now - this.#start >= listMillis)) this.#list();
    const end = clock.monotonic();
    // Half of the time at the most is spent on looking, however often a large folder changes. Nothing can be derived
    // before the cluster is listed, so the first reading waits for nothing.
    this.#notBefore = this.#listed ? end + (end - now) : end;
    if (isWhole) this.#wholeAt = end + Math.max(rescanMillis, wholeShare * (end - now));
    this.soon(Math.min(again ?? Infinity, this.#wholeAt - end));
  }

  /** Looks after `delay` milliseconds at the latest. */
  soon(delay: number): void {
    if (this.#signal.aborted) return;
    const { clock } = this.#deps;
    const at = Math.max(clock.monotonic() + delay, this.#notBefore);
    if (this.#next && this.#next.at <= at) return;
    this.#next?.timer.cancel();
    const timer = clock.after(Math.max(0, at - clock.monotonic()), () => {
      this.#next = undefined;
      this.look();
    });
    this.#next = { at, timer };
  }

  stop(): void {
    this.#next?.timer.cancel();
    this.#kubelet.stop();
  }

  #list(): void {
    this.#listed = true;
    this.#deps.clock.after(askMillis, () => {
      this.#waited = true;
      this.#syncWhenKnown();
    });
    this.#syncWhenKnown();
  }

  #syncWhenKnown(): void {
    if (this.#synced || !this.#listed || !(this.#kubelet.asked || this.#waited)) return;
    this.#synced = true;
    this.#emit([{ type: 'synced' }]);
  }
}
