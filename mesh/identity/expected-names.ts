import { createHash } from 'node:crypto';

/** Names of which a peer may have any: looked up, never gone through. */
export class NameSet {
  readonly names: ReadonlySet<string>;
  #key: string | undefined;

  constructor(names: Iterable<string>) {
    this.names = new Set(names);
  }

  /** Equal for sets of the same names: the SHA-256 of the sorted names, base64. */
  get key(): string {
    return (this.#key ??= createHash('sha256')
      .update(JSON.stringify([...this.names].sort()))
      .digest('base64'));
  }
}

/** A service's list is the same object for all of its connections, until another one comes in its place. */
const known = new WeakMap<readonly string[], NameSet>();

function nameSet(names: readonly string[]): NameSet {
  const found = known.get(names) ?? new NameSet(names);
  known.set(names, found);
  return found;
}

/** Whom to expect at the other end: the SPIFFE IDs of which its certificate must have one. */
export interface ExpectedNames {
  /** The identity of the workload that was chosen. */
  readonly own: string | undefined;
  /** Others that may answer; none of these sets is empty. */
  readonly listed: readonly NameSet[];
}

/** One name, where it is known, and all of the lists. Costs the number of lists. */
export const expectNames = (
  own: string | undefined,
  ...lists: readonly (readonly string[])[]
): ExpectedNames => ({
  own,
  listed: lists.filter(({ length }) => length > 0).map(nameSet),
});

export const expects = ({ own, listed }: ExpectedNames, name: string): boolean =>
  name === own || listed.some(({ names }) => names.has(name));

/** Whether no name is expected at all: then nobody is who should answer. */
export const expectsNobody = ({ own, listed }: ExpectedNames): boolean =>
  own === undefined && listed.length === 0;

/** Equal where the same names are expected for the same reasons. */
export const expectedKey = ({ own, listed }: ExpectedNames): string =>
  [own ?? '', ...listed.map(({ key }) => key)].join(' ');

/** All names, each once, for people. */
export const namesIn = ({ own, listed }: ExpectedNames): readonly string[] => [
  ...new Set([...(own === undefined ? [] : [own]), ...listed.flatMap(({ names }) => [...names])]),
];
