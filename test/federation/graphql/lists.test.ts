import assert from 'node:assert/strict';
import { execute, parse, isListType, isNonNullType, isObjectType, type GraphQLOutputType } from 'graphql';
import { apiSchema } from '@isthmus/federation/graphql/schema.ts';
import { emptyRecord } from '@isthmus/federation/observation/record-steps.ts';
import { Federation } from '../../fakes/federation.ts';

/** Made by the hub itself for the caller, never from what a cluster reports. */
const ofTheHub = new Set(['UserError', 'Warning']);

/** The name of a record whose lists must have gaps; undefined when the type is no such list. */
function recordWithoutGaps(type: GraphQLOutputType): string | undefined {
  const list = isNonNullType(type) ? type.ofType : type;
  if (!isListType(list) || !isNonNullType(list.ofType)) return undefined;
  const record: unknown = list.ofType.ofType;
  return isObjectType(record) && !ofTheHub.has(record.name) ? record.name : undefined;
}

describe('lists of records in the schema', () => {
  it('have nullable elements, so that one bad record is one error', () => {
    const strict = Object.values(apiSchema().getTypeMap())
      .filter(isObjectType)
      .filter(({ name }) => !name.startsWith('__'))
      .flatMap((type) =>
        Object.values(type.getFields())
          .filter((field) => recordWithoutGaps(field.type) !== undefined)
          .map((field) => `${type.name}.${field.name}`),
      );
    assert.deepEqual(strict, []);
  });
});

describe('a record that cannot be shown', () => {
  it('is one null and one error, and hides no other record', async () => {
    const federation = await Federation.start('east', 'west');
    federation.observe({ ...emptyRecord('east', 0), proxiesConnected: 2 ** 31 });
    const answer = await execute({
      schema: apiSchema(),
      document: parse('{ clusters(first: 10) { nodes { name proxiesConnected } } }'),
      contextValue: { snapshot: federation.now, viewer: 'admin', roles: ['ADMIN'] },
    });
    federation.end();
    assert.deepEqual(JSON.parse(JSON.stringify(answer.data)), {
      clusters: { nodes: [null, { name: 'west', proxiesConnected: 0 }] },
    });
    assert.deepEqual(
      answer.errors?.map(({ path }) => path),
      [['clusters', 'nodes', 0, 'proxiesConnected']],
    );
  });
});
