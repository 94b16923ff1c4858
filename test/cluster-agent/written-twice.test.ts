import assert from 'node:assert/strict';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { withoutDoubt } from '@isthmus/cluster-agent/source/files/written-twice.ts';
import { reducePolicy } from '@isthmus/cluster-agent/translate/l4/reduce-policy.ts';

const json = (spec: string, metadata = '"name":"a","namespace":"shop"') =>
  `{"apiVersion":"v1","kind":"Service","metadata":{${metadata}},"spec":${spec}}`;
const good = json('{"ports":[{"port":80}]}', '"name":"good","namespace":"shop"');
const policy = (spec: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: shop}
spec: ${spec}
`;

const rejected = (text: string) =>
  readManifests(text, 'a.yaml').rejections.map(({ code, object, field }) => [code, object, field]);

describe('a key that is written twice', () => {
  const files: Record<string, readonly [text: string, field: string]> = {
    'a label in JSON': [
      json('{}', '"name":"a","namespace":"shop","labels":{"app":"x","app":"y"}'),
      'metadata.labels.app',
    ],
    'a label that is escaped once': [
      json('{}', '"name":"a","namespace":"shop","labels":{"app":"x","\\u0061pp":"y"}'),
      'metadata.labels.app',
    ],
    'a selector in JSON': [json('{"selector":{"app":"x","app":"x"}}'), 'spec.selector.app'],
    'a port in JSON': [json('{"ports":[{"port":80},{"port":81,"port":82}]}'), 'spec.ports[1].port'],
    'the spec in YAML': [
      'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: {}\nspec: {}\n',
      'spec',
    ],
    'what a merge key brings': [
      'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: {selector: {<<: {app: x, app: y}}}\n',
      'spec.selector.app',
    ],
  };
  for (const [what, [text, field]] of Object.entries(files))
    it(`refuses the object, and names its field: ${what}`, () => {
      const contents = readManifests(text, 'a.yaml');
      assert.deepEqual(rejected(text), [['DUPLICATE_KEY', 'Service shop/a', field]]);
      assert.equal(contents.objects.size, 0);
      assert.equal(contents.refused.size, 1);
      assert.equal(contents.broken, false);
      assert.match(contents.rejections[0]?.message ?? '', /written twice.*keep one/);
    });

  const others: Record<string, string> = {
    'an item of a List': `{"apiVersion":"v1","kind":"List","items":[${good},${json('{"ports":[],"ports":[]}')}]}`,
    'an item of a typed list': `{"apiVersion":"v1","kind":"ServiceList","items":[{"metadata":{"name":"good","namespace":"shop"},"spec":{}},{"metadata":{"name":"a","namespace":"shop"},"spec":{"ports":[],"ports":[]}}]}`,
    'a JSON object after another': `${good}\n${json('{"ports":[],"ports":[]}')}`,
    'a YAML document after another': `${good}\n---\n${json('{"ports":[],"ports":[]}')}`,
  };
  for (const [what, text] of Object.entries(others))
    it(`refuses nothing else: ${what}`, () => {
      const contents = readManifests(text, 'a.yaml');
      assert.deepEqual(rejected(text), [['DUPLICATE_KEY', 'Service shop/a', 'spec.ports']]);
      assert.deepEqual(
        [...contents.objects.values()].map(({ object }) => object.metadata.name),
        ['good'],
      );
    });

  it('refuses every object that takes it by an alias', () => {
    const service = (name: string, selector: string) =>
      `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {selector: ${selector}}}`;
    const text = `apiVersion: v1\nkind: List\nitems:\n- ${service('a', '&s {x: "1", x: "2"}')}\n- ${service('b', '*s')}\n`;
    assert.deepEqual(rejected(text), [
      ['DUPLICATE_KEY', 'Service default/a', 'spec.selector.x'],
      ['DUPLICATE_KEY', 'Service default/b', 'spec.selector.x'],
    ]);
  });

  it('is ignored in an object of a kind that is not used, and refuses a list that has its items twice', () => {
    assert.deepEqual(
      rejected('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}'),
      [['SKIPPED', 'ConfigMap default/a', 'kind']],
    );
    const list = readManifests('{"apiVersion":"v1","kind":"List","items":[],"items":[]}', 'a.yaml');
    assert.equal(list.broken, true);
    assert.match(list.rejections[0]?.message ?? '', /the key "items" of a list of objects is written twice/);
  });

  it('in name or namespace makes the identity of the object unknown', () => {
    for (const metadata of ['"name":"a","name":"b"', '"name":"a","namespace":"x","namespace":"shop"'])
      assert.equal(readManifests(json('{}', metadata), 'a.yaml').broken, true);
  });

  const closes: Record<string, readonly [spec: string, stands: object]> = {
    'the action': [
      '{action: ALLOW, action: DENY, selector: {matchLabels: {app: x}}, rules: [{}]}',
      { action: 'DENY', selector: {}, rules: [[]] },
    ],
    'a label of its selector': [
      '{action: ALLOW, selector: {matchLabels: {app: x, app: y}}, rules: [{}]}',
      { action: 'ALLOW', selector: {}, rules: [] },
    ],
    'the ports of an operation': [
      '{action: DENY, selector: {matchLabels: {app: x}}, rules: [{to: [{operation: {ports: ["80"], ports: ["81"]}}]}]}',
      { action: 'DENY', selector: { app: 'x' }, rules: [[]] },
    ],
  };
  for (const [what, [spec, stands]] of Object.entries(closes))
    it(`closes a policy, however it was meant: ${what}`, () => {
      const { standIns, refused, broken } = readManifests(policy(spec), 'a.yaml');
      assert.deepEqual([refused.size, broken], [1, false]);
      const [held] = standIns.values();
      assert.ok(held?.object.kind === 'AuthorizationPolicy');
      const { action, selector } = held.object;
      assert.deepEqual({ action, selector, rules: reducePolicy(held.object).rules }, stands);
    });
});

describe('an object as far as it is beyond doubt', () => {
  it('keeps keys that every object of JavaScript has', () => {
    const object = {
      metadata: { name: 'a' },
      spec: { constructor: 'x', toString: ['y'], metadata: { z: 1 } },
    };
    assert.deepEqual(withoutDoubt(object), object);
  });
});
