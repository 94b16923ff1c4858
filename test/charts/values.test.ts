import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { rulesOf, rulesTemplate } from '../../charts/rules.ts';
import { clusterValues } from '../../charts/values/cluster.ts';
import { crdsValues } from '../../charts/values/crds.ts';
import { hubValues } from '../../charts/values/hub.ts';
import { valuesFile, valuesSchema, withTable } from '../../charts/values/render.ts';
import { flag, text, value, type Value } from '../../charts/values/value.ts';
import type { Access } from '@isthmus/api/kube/access.ts';

const charts = join(import.meta.dirname, '../../charts');
const core = { group: '', version: 'v1', isNamespaced: true };
const secrets = { ...core, kind: 'Secret', plural: 'secrets' };

describe('values of charts', () => {
  const two = [
    value('a.b', { x: ['y,z'] }, { type: 'object' }, 'What b is.'),
    value('a.c', '', text, 'What c | d is.'),
    value('e', true, flag, 'What e is.'),
  ];

  it('are written as a file whose values are the defaults, each below its explanation', () => {
    const file = valuesFile(two);
    deepEqual(parse(file), { e: true, a: { b: { x: ['y,z'] }, c: '' } });
    ok(file.includes('  # What b is.\n  b: { "x": [ "y,z" ] }\n'), file);
  });

  it('are written as a schema that refuses others', () => {
    const schema = JSON.parse(valuesSchema(two)) as {
      additionalProperties: boolean;
      properties: { a: { additionalProperties: boolean; properties: object }; e: object };
    };
    equal(schema.additionalProperties, false);
    equal(schema.properties.a.additionalProperties, false);
    deepEqual(schema.properties.e, { type: 'boolean', description: 'What e is.' });
  });

  it('are written as a table between two lines of a README, and nowhere else', () => {
    const readme = 'before\n<!-- values -->\nold\n<!-- end of values -->\nafter\n';
    const written = withTable(readme, two);
    ok(
      written.startsWith('before\n<!-- values -->\n| value |') &&
        written.endsWith('<!-- end of values -->\nafter\n'),
    );
    ok(written.includes('| `a.c` | `""` | What c \\| d is. |\n'), written);
    equal(withTable(written, two), written);
    throws(() => withTable('no place', two), /needs the lines/);
  });

  it('are listed once each', () => {
    throws(() => valuesFile([...two, ...two]), /a\.b is listed twice/);
  });

  const listed: Readonly<Record<string, readonly Value[]>> = {
    'isthmus-crds': crdsValues,
    'isthmus-hub': hubValues,
    'isthmus-cluster': clusterValues,
  };
  for (const [chart, values] of Object.entries(listed))
    it(`are those that the templates of ${chart} use, all of them`, () => {
      const templates = globSync('templates/*', { cwd: join(charts, chart) })
        .map((file) => readFileSync(join(charts, chart, file), 'utf8'))
        .join('');
      const used = new Set([...templates.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = '']) => path));
      deepEqual([...used].sort(), values.map(({ path }) => path).sort());
    });
});

describe('roles of charts', () => {
  const access: readonly Access[] = [
    { resource: { ...core, kind: 'Pod', plural: 'pods' }, verbs: ['list', 'watch'], namespaces: 'ALL' },
    { resource: secrets, verbs: ['get', 'create'], namespaces: 'OWN', names: ['state'] },
    { resource: secrets, verbs: ['create'], namespaces: 'OWN', names: ['other'] },
    {
      resource: { group: 'security.istio.io', version: 'v1', kind: 'P', plural: 'ps', isNamespaced: true },
      subresource: 'status',
      verbs: ['patch'],
      namespaces: 'ALL',
    },
  ];

  it('have what the list has: all namespaces in a ClusterRole, the own one in a Role', () => {
    deepEqual(rulesOf(access, 'ALL'), [
      { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
      { apiGroups: ['security.istio.io'], resources: ['ps/status'], verbs: ['patch'] },
    ]);
  });

  it('have create without names, as its path has none, and the other verbs with them', () => {
    deepEqual(rulesOf(access, 'OWN'), [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['state'], verbs: ['get'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    ]);
  });

  it('are written as templates that YAML reads as the rules', () => {
    const [, own = ''] = /define "x\.rules\.own" -}}\n([\s\S]*?){{/.exec(rulesTemplate('x', access)) ?? [];
    deepEqual(parse(own), rulesOf(access, 'OWN'));
  });
});
