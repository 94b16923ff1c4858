/** Objects that count how often any field of any of them is read. */
export class CountedReads {
  reads = 0;

  of<T extends object>(object: T): T {
    return new Proxy(object, {
      get: (target, field, receiver) => {
        this.reads++;
        return Reflect.get(target, field, receiver) as unknown;
      },
    });
  }

  /** How many fields are read while something runs. */
  during(run: () => void): number {
    const before = this.reads;
    run();
    return this.reads - before;
  }
}
