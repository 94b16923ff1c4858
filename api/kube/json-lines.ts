/** A line is longer than may be. */
export class LineTooLong extends Error {}

/**
 * Lines of a stream of bytes (UTF-8), which may be divided anywhere. A line is given once its end has come; what is left
 * without one is no line. Throws LineTooLong as soon as a line has more than `max` bytes.
 */
export class Lines {
  readonly #max: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The lines that end in these bytes, without empty ones. */
  *feed(bytes: Buffer): Iterable<string> {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      this.#add(bytes.subarray(from, end));
      from = end + 1;
      const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
      this.#parts = [];
      this.#bytes = 0;
      const text = line?.toString('utf8').trim() ?? '';
      if (text !== '') yield text;
    }
    this.#add(bytes.subarray(from));
  }

  #add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#max) throw new LineTooLong(`a line has more than ${this.#max} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}
