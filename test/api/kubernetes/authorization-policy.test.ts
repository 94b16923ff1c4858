import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';

const decode = (spec: object) =>
  decodeObject({
    ...{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' },
    ...{ metadata: { name: 'p', namespace: 'shop' }, spec },
  });

const mallory = { kind: 'exact' as const, value: 'cluster.local/ns/shop/sa/mallory' };
const from = [{ source: { principals: [mallory.value] } }];
const paths = [{ operation: { paths: ['/admin'] } }];
const isMallory = [match({ principals: [mallory] })];

describe('rules that need L7, at L4', () => {
  const table: Record<string, [object, readonly unknown[], RegExp | undefined]> = {
    'an ALLOW loses the rule': [{ rules: [{ from, to: paths }] }, [], /paths.*allows nothing/],
    'an ALLOW keeps its other rules': [{ rules: [{ to: paths }, { from }] }, [[isMallory]], /paths/],
    'a DENY denies whatever the rest matches': [
      { action: 'DENY', rules: [{ from, to: paths }] },
      [[isMallory]],
      /paths.*denies whatever the rest/,
    ],
    'a DENY with paths alone has no effect': [
      { action: 'DENY', rules: [{ to: paths }] },
      [],
      /paths.*has no effect/,
    ],
    'a DENY with a header alone has no effect': [
      { action: 'DENY', rules: [{ when: [{ key: 'request.headers[x]', values: ['y'] }] }] },
      [],
      /request\.headers.*has no effect/,
    ],
    'a DENY of a port or a path denies both from whom it names': [
      { action: 'DENY', rules: [{ from, to: [{ operation: { ports: ['80'] } }, ...paths] }] },
      [[isMallory]],
      /paths/,
    ],
    'a DENY of a port and a path denies the port': [
      { action: 'DENY', rules: [{ to: [{ operation: { ports: ['80'], paths: ['/'] } }] }] },
      [[[match({ destinationPorts: [80] })]]],
      /paths/,
    ],
    'AUDIT is not applied': [{ action: 'AUDIT', rules: [{ from }] }, [[isMallory]], /AUDIT/],
    'nor is what has a target': [
      { targetRef: { kind: 'Service' }, rules: [{ from }] },
      [[isMallory]],
      /waypoint/,
    ],
    'L4 alone is applied as it is': [{ action: 'DENY', rules: [{ from }, {}] }, [[isMallory], []], undefined],
  };
  for (const [name, [spec, rules, told]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(spec);
      assert.ok(decoded.ok && decoded.value.kind === 'object');
      const { object, findings } = decoded.value;
      assert.ok(object.kind === 'AuthorizationPolicy');
      assert.deepEqual(object.rules, rules);
      if (told) assert.match(findings[0]?.message ?? 'not told', told);
      else assert.deepEqual(findings, []);
    });
});

describe('a policy is refused', () => {
  const when = (key: string, ...values: string[]) => ({ rules: [{ when: [{ key, values }] }] });
  const table: Record<string, [object, string]> = {
    'with a port that is a name': [when('destination.port', 'http'), 'spec.rules[0].when[0].values[0]'],
    'with a port of 0': [when('destination.port', '0'), 'spec.rules[0].when[0].values[0]'],
    'with an address that is none': [when('source.ip', '10.0.0.0/8', 'x'), 'spec.rules[0].when[0].values[1]'],
    'with a destination that is none': [
      when('destination.ip', '10.0.0.0/99'),
      'spec.rules[0].when[0].values[0]',
    ],
    'with a condition without values': [
      { rules: [{ when: [{ key: 'source.ip' }] }] },
      'spec.rules[0].when[0]',
    ],
    'with an empty source': [{ rules: [{ from: [{ source: {} }] }] }, 'spec.rules[0].from[0].source'],
    'with an empty list in an operation': [
      { rules: [{ to: [{ operation: { ports: [] } }] }] },
      'spec.rules[0].to[0].operation',
    ],
    'with no source': [{ rules: [{ from: [] }] }, 'spec.rules[0].from'],
    'with a rule that was only begun': [{ rules: [{ from: null }] }, 'spec.rules[0].from'],
    'with an entry that was only begun': [{ rules: [null] }, 'spec.rules[0]'],
    'with rules that were only begun': [{ rules: null }, 'spec.rules'],
    'that denies nothing': [{ action: 'DENY' }, 'spec.rules'],
    'with a field that is none': [{ action: 'DENY', ruls: [] }, 'spec.ruls'],
  };
  for (const [name, [spec, field]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(spec);
      assert.ok(!decoded.ok);
      assert.equal(decoded.error.field, field);
      assert.equal(decoded.error.object, 'AuthorizationPolicy shop/p');
      assert.equal(decoded.error.id, 'AuthorizationPolicy/shop/p');
    });

  it('but one without rules allows nothing, as Istio has it', () => {
    const decoded = decode({});
    assert.ok(
      decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'AuthorizationPolicy',
    );
    assert.deepEqual([decoded.value.object.action, decoded.value.object.rules], ['ALLOW', []]);
  });
});
