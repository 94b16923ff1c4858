import type { Now } from './now.ts';

/** The names of the clusters that are members now. */
export const members = ({ intent }: Pick<Now, 'intent'>): readonly string[] =>
  [...intent.clusters.values()].filter(({ value }) => value.admission === 'ADMITTED').map(({ id }) => id);
