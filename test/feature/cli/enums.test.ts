import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, GraphQLEnumType } from 'graphql';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

const schema = buildSchema(
  readFileSync(join(import.meta.dirname, '../../../api/graphql/schema.graphql'), 'utf8'),
);
const valuesOf = (name: string): readonly string[] => {
  const type = schema.getType(name);
  assert.ok(type instanceof GraphQLEnumType, name);
  return type.getValues().map((one) => one.name);
};

/** Every value of a field, wherever it stands. */
function valuesAt(json: unknown, field: string): readonly unknown[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) =>
    key === field ? (Array.isArray(value) ? (value as unknown[]) : [value]) : valuesAt(value, field),
  );
}

const policies = `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: deny }
spec: { effect: DENY, target: { namespace: shop }, rules: [{ ports: [1] }] }
---
apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { namespace: shop, name: cart }
spec: { localityOrder: [REGION] }
`;

const cases: readonly { readonly line: string; readonly fields: Readonly<Record<string, string>> }[] = [
  { line: 'drain west --percent 10 --yes', fields: { state: 'OperationState' } },
  {
    line: 'clusters',
    fields: { state: 'ClusterState', admission: 'Admission', drainScope: 'Scope', mode: 'WorkloadMode' },
  },
  { line: 'services', fields: { transport: 'Transport', localityOrder: 'LocalityScope' } },
  { line: 'workloads west', fields: { mode: 'WorkloadMode' } },
  {
    line: 'policy list',
    fields: { effect: 'AccessEffect', state: 'PolicyState', localityOrder: 'LocalityScope' },
  },
];

describe('the command line’s JSON has the values of GraphQL’s enums', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
    await federation.run('policy apply -f -', { input: policies });
  });
  after(() => federation.stop());

  for (const { line, fields } of cases)
    it(line, async () => {
      const { status, out, err } = await federation.run(`${line} --output json`);
      assert.equal(status, 0, err);
      for (const [field, type] of Object.entries(fields)) {
        const values = valuesAt(JSON.parse(out), field);
        assert.ok(values.length > 0, `no ${field}`);
        for (const value of values)
          assert.ok(valuesOf(type).includes(value as string), `${field}: ${String(value)}`);
      }
    });
});
