import { readFileSync } from 'node:fs';
import { createSchema } from 'graphql-yoga';
import { mutations } from './mutations.ts';
import { queries } from './queries.ts';
import { subscriptions } from './subscriptions.ts';

/** The schema as committed, with what answers it. A field without an answer, or the other way round, fails here. */
export const apiSchema = () =>
  createSchema({
    typeDefs: readFileSync(new URL('../../api/graphql/schema.graphql', import.meta.url), 'utf8'),
    resolvers: { Query: queries, Mutation: mutations, Subscription: subscriptions } as never,
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
