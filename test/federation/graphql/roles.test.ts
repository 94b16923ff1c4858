import assert from 'node:assert/strict';
import { GraphQLError, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import type { Denied } from '@isthmus/federation/command/attempts.ts';
import { guarded, needs } from '@isthmus/federation/graphql/roles.ts';
import { apiSchema } from '@isthmus/federation/graphql/schema.ts';

const query = new GraphQLObjectType({
  name: 'Query',
  fields: {
    named: { type: GraphQLString, ...needs('ADMIN'), resolve: () => 'shown' },
    unnamed: { type: GraphQLString, resolve: () => 'never shown' },
  },
});
const schema = guarded(new GraphQLSchema({ query }));
const denials: Denied[] = [];
const runner = { attempts: { deny: (denied: Denied) => void denials.push(denied) } };
const ask = (field: string, roles: readonly string[]): unknown =>
  schema
    .getQueryType()
    ?.getFields()
    [field]?.resolve?.(
      undefined,
      { input: { name: 'p' } },
      { viewer: 'someone', roles, runner },
      undefined as never,
    );
const denied = (text: RegExp) => (error: unknown) =>
  error instanceof GraphQLError && error.extensions['code'] === 'DENIED' && text.test(error.message);

describe('federation/graphql roles', () => {
  it('let through who has the role that an operation names', () =>
    assert.equal(ask('named', ['ADMIN']), 'shown'));
  it('deny who has none, and name the operation and the role', () =>
    assert.throws(
      () => ask('named', []),
      denied(/^someone may not ask for named: it needs the role ADMIN$/),
    ));
  it('record who was denied what, with the whole input', () => {
    denials.length = 0;
    assert.throws(() => ask('named', []));
    assert.equal(ask('named', ['ADMIN']), 'shown');
    const message = 'someone may not ask for named: it needs the role ADMIN';
    assert.deepEqual(denials, [
      {
        actor: 'someone',
        action: 'named',
        error: { code: 'DENIED', field: [], message },
        input: { name: 'p' },
      },
    ]);
  });
  it('deny everybody what names no role', () =>
    assert.throws(() => ask('unnamed', ['ADMIN']), denied(/no role is allowed to do it/)));

  const offered = apiSchema();
  for (const type of [offered.getQueryType(), offered.getMutationType(), offered.getSubscriptionType()])
    for (const field of Object.values(type?.getFields() ?? {}))
      it(`are named by ${type?.name ?? ''}.${field.name}`, () =>
        assert.equal(field.extensions['role'], 'ADMIN'));
});
