import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { Stored } from '../store/store.ts';
import type { Now } from './now.ts';

/** The join tokens of a cluster that are stored. */
export const tokensOf = ({ intent, index }: Now, cluster: ClusterName): readonly Stored<JoinToken>[] =>
  [...index.joinTokens.of(cluster)].flatMap((id) => intent.joinTokens.get(id) ?? []);
