import type { FederationSnapshot } from './snapshot.ts';

/** The names of the clusters that are members now. */
export const members = ({ intent }: Pick<FederationSnapshot, 'intent'>): readonly string[] =>
  [...intent.clusters.values()].filter(({ value }) => value.admission === 'ADMITTED').map(({ id }) => id);
