import { builder } from '../builder.ts';
import { page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { trustDomainConnection, trustDomainView } from '../types/trust-domain.ts';

builder.queryFields((t) => ({
  trustDomains: t.field({
    ...needs('ADMIN'),
    type: trustDomainConnection,
    args: pageArguments,
    resolve: (_root, args, { snapshot }) =>
      page(
        snapshot.intent.trustDomains.values(),
        ({ id }) => id,
        args,
        (one) => trustDomainView(snapshot, one),
      ),
  }),
}));
