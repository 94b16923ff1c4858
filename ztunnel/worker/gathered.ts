interface Asked<T> {
  readonly answers: T[];
  readonly resolve: (answers: readonly T[]) => void;
}

/** One answer of each worker to each question, in whatever order: a question has a number of its own. */
export class Gathered<T> {
  readonly #workers: number;
  readonly #asked = new Map<number, Asked<T>>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** To be called before the question is put. */
  expect(number: number): Promise<readonly T[]> {
    return new Promise((resolve) => this.#asked.set(number, { answers: [], resolve }));
  }

  heard(number: number, answer: T): void {
    const asked = this.#asked.get(number);
    if (!asked || asked.answers.push(answer) < this.#workers) return;
    this.#asked.delete(number);
    asked.resolve(asked.answers);
  }
}
