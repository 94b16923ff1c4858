import { builder } from '../builder.ts';
import { newestFirst, page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { joinTokenConnection, joinTokenView } from '../types/join-token.ts';

builder.queryField('joinTokens', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: joinTokenConnection,
    description: 'Join tokens that are valid, used or not swept away yet, newest first.',
    args: { ...pageArguments, cluster: t.arg.string({ description: 'Only those of this cluster.' }) },
    resolve: (_root, { cluster, ...args }, { snapshot, clock }) =>
      page(
        [...snapshot.intent.joinTokens.values()].filter(
          ({ value }) => cluster == null || value.cluster === cluster,
        ),
        ({ id, value }) => newestFirst(value.createdAt ?? 0, id),
        args,
        (one) => joinTokenView(one, clock.now()),
      ),
  }),
);
