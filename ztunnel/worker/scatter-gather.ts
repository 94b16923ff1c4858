interface Round<T> {
  readonly answers: T[];
  readonly resolve: (answers: readonly T[]) => void;
}

/** One answer of each worker to each question. A worker answers in the order in which it was asked. */
export class ScatterGather<T> {
  readonly #waiting: Round<T>[][];

  constructor(workers: number) {
    this.#waiting = Array.from({ length: workers }, () => []);
  }

  /** To be called before the question is put. */
  expect(): Promise<readonly T[]> {
    return new Promise((resolve) => {
      const round: Round<T> = { answers: [], resolve };
      for (const waiting of this.#waiting) waiting.push(round);
    });
  }

  heard(from: number, answer: T): void {
    const round = this.#waiting[from]?.shift();
    if (round && round.answers.push(answer) === this.#waiting.length) round.resolve(round.answers);
  }
}
