/** Counts what queries answer: each object once for each time that it is visited. */
export class CountedQueries {
  visits = 0;

  /** The same object, whose answers are counted. */
  of<T extends object>(target: T, ...nested: readonly (keyof T)[]): T {
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (nested.includes(property as keyof T)) return this.of(value as object);
        if (typeof value !== 'function') return this.#counted(value);
        return (...args: unknown[]) => this.#counted(Reflect.apply(value, target, args));
      },
    });
  }

  #counted(answer: unknown): unknown {
    if (typeof answer !== 'object' || answer === null) return answer;
    if (!(Symbol.iterator in answer) || answer instanceof Map) {
      this.visits++;
      return answer;
    }
    if (Array.isArray(answer)) {
      this.visits += answer.length;
      return answer;
    }
    return { [Symbol.iterator]: () => this.#each(answer as Iterable<unknown>) };
  }

  *#each(all: Iterable<unknown>): Iterator<unknown> {
    for (const one of all) {
      this.visits++;
      yield one;
    }
  }
}
