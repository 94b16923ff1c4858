import { InvalidArgumentError } from 'commander';

// Values of flags and arguments, each decoded once; what is not one of them ends the command with status 2.

const refuse = (message: string): never => {
  throw new InvalidArgumentError(message);
};

/** A whole number in decimal digits, both ends included. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : refuse(`Give a whole number from ${min} to ${max}.`);
  };

/** A shell's unset variable must not take a guard away. */
export const nonEmpty = (text: string): string => (text === '' ? refuse('It is empty.') : text);

/** The name of a folder beside those of other instances. */
export const instanceName = (text: string): string =>
  /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)
    ? text
    : refuse('Give 1 to 63 lower-case letters, digits and dashes, not beginning with a dash.');

/** Names with commas between them. */
export const names = (text: string): readonly string[] => text.split(',').map((one) => nonEmpty(one.trim()));

/** Some of a few words, in any case, with commas between them. */
export const someOf =
  (known: readonly string[]) =>
  (text: string): readonly string[] =>
    names(text).map((one) => {
      const word = one.toUpperCase();
      return known.includes(word) ? word : refuse(`Give some of ${known.join(', ')}.`);
    });

export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`; a bare name is in the namespace `default`. */
export function serviceRef(text: string): ServiceRef {
  const parts = text.split('/');
  const [namespace = '', name = ''] = parts.length === 1 ? ['default', text] : parts;
  if (parts.length > 2 || namespace === '' || name === '') refuse('Give namespace/name.');
  return { namespace, name };
}

export const serviceRefs = (text: string): readonly ServiceRef[] => names(text).map(serviceRef);

const unit: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time, ISO 8601 with its zone, or a span from now: 90s, 30m, 2h, 1d. Gives ISO 8601 in UTC. */
export const futureTime = (now: () => number) => timeReader(now, 1);

/** The same for the past: a span is before now. */
export const pastTime = (now: () => number) => timeReader(now, -1);

const timeReader =
  (now: () => number, direction: 1 | -1) =>
  (text: string): string => {
    const [, count = '', of = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
    const millis = zoned ? Date.parse(text) : now() + direction * Number(count) * (unit[of] ?? NaN);
    return Number.isNaN(millis)
      ? refuse('Give a span such as 30m or 2h, or a time such as 2030-01-31T03:00:00Z.')
      : new Date(millis).toISOString();
  };
