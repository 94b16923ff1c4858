import type { Epoch, Leadership, LeadershipEnd } from './store.ts';

/** A leadership that its store ends. */
export class HeldLeadership implements Leadership {
  readonly epoch: Epoch;
  readonly #ended = Promise.withResolvers<LeadershipEnd>();

  constructor(epoch: Epoch) {
    this.epoch = epoch;
  }

  get ended(): Promise<LeadershipEnd> {
    return this.#ended.promise;
  }

  /** The first reason is the one. */
  end(why: LeadershipEnd): void {
    this.#ended.resolve(why);
  }
}
