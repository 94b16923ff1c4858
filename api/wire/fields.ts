/**
 * Reads the fields of one decoded message and remembers the first that is wrong. It never throws, so a decoder is
 * one expression: every reader gives a value of the right type, and the whole is thrown away when one was refused.
 */
export class Fields {
  #problem: string | undefined;

  get problem(): string | undefined {
    return this.#problem;
  }

  refuse(field: string, why: string): void {
    this.#problem ??= `${field}: ${why}`;
  }

  /** Text that may not be empty. */
  text(field: string, value: string): string {
    if (value === '') this.refuse(field, 'is missing');
    return value;
  }

  /** 1 to 65535. */
  port(field: string, value: number): number {
    if (value < 1 || value > 65_535) this.refuse(field, `${value} is no port`);
    return value;
  }

  /** 0 to 65535, 0 having a meaning of its own. */
  portOrZero(field: string, value: number): number {
    return value === 0 ? value : this.port(field, value);
  }

  upTo(field: string, value: number, most: number): number {
    if (value > most) this.refuse(field, `${value} is more than ${most}`);
    return value;
  }

  /** A 64-bit number that a program can count with. */
  count(field: string, value: bigint): number {
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) this.refuse(field, `${value} is out of range`);
    return Number(value);
  }

  /** The name of an enum's number; an unknown number is refused, as a newer peer means something by it. */
  name<T extends string>(field: string, value: number, numbers: Readonly<Record<T, number>>): T {
    const names = Object.keys(numbers) as T[];
    const name = names.find((known) => numbers[known] === value);
    if (name === undefined) this.refuse(field, `${value} is none of ${names.join(', ')}`);
    return name ?? (names[0] as T);
  }

  /** One of a closed set of words. */
  word<T extends string>(field: string, value: string, words: readonly [T, ...T[]]): T {
    const word = words.find((known) => known === value);
    if (word === undefined) this.refuse(field, `'${value.slice(0, 40)}' is none of ${words.join(', ')}`);
    return word ?? words[0];
  }

  /** A message that must be there. */
  required<T>(field: string, value: T | undefined, absent: T): T {
    if (value === undefined) this.refuse(field, 'is missing');
    return value ?? absent;
  }
}
