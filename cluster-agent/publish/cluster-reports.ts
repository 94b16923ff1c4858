import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { TouchedKind } from '../keys/touched.ts';
import type { Delta, Subscriber } from './delta.ts';

/** It is made again at most so often, milliseconds: it gathers the whole cluster, and people read it. */
const everyMillis = 1000;

/** What it rests on. */
const kinds: ReadonlySet<TouchedKind> = new Set<TouchedKind>([
  'synced',
  'pod',
  'part',
  'verdict',
  'node',
  'namespace',
  'service',
  'serviceExport',
  'gatewayObject',
  'gatewayClass',
  'serviceEntry',
  'gateway',
  'network',
  'rejections',
  'authorization',
  'peers',
  'hub',
  'stream',
  'sourceConditions',
]);

interface Deps {
  /** Makes the report; gives how long it holds at most, in milliseconds, when nothing changes. Infinity: for ever. */
  readonly make: () => number;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
}

/** When the report on the cluster as a whole is made: at once when what it rests on has changed, and not again within a second. */
export class ClusterReports implements Subscriber {
  readonly #deps: Deps;
  #madeAt = -Infinity;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  published({ keys }: Delta): void {
    for (const { kind } of keys) if (kinds.has(kind)) return this.touch();
  }

  /** Something that it rests on is another now. */
  touch(): void {
    this.#makeAt(this.#madeAt + everyMillis);
  }

  #makeAt(at: number): void {
    const now = this.#deps.clock.monotonic();
    if (at <= now) return this.#make(now);
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.timer.cancel();
    const timer = this.#deps.clock.after(at - now, () => {
      this.#timer = undefined;
      this.#makeAt(at);
    });
    this.#timer = { at, timer };
  }

  #make(now: number): void {
    this.#madeAt = now;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    const holds = this.#deps.make();
    if (holds < Infinity) this.#makeAt(now + Math.max(everyMillis, holds));
  }
}
