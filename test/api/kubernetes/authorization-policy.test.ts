import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';

const decode = (spec: object) =>
  decodeObject({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec,
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
    'a DENY of a port or of a path keeps the port': [
      { action: 'DENY', rules: [{ to: [{ operation: { ports: ['7001'] } }, ...paths] }] },
      [[[match({ destinationPorts: [7001] })]]],
      /paths.*requests that differ only in these parts are not denied/,
    ],
    'a DENY of a namespace or of a JWT keeps the namespace': [
      {
        action: 'DENY',
        rules: [{ from: [{ source: { namespaces: ['bank'] } }, { source: { requestPrincipals: ['*'] } }] }],
      },
      [[[match({ namespaces: [{ kind: 'exact', value: 'bank' }] })]]],
      /requestPrincipals.*are not denied/,
    ],
    'a DENY with an L7 alternative on each side keeps what either side says of connections': [
      {
        action: 'DENY',
        rules: [
          {
            from: [...from, { source: { requestPrincipals: ['*'] } }],
            to: [{ operation: { ports: ['80'] } }, ...paths],
          },
        ],
      },
      [[isMallory], [[match({ destinationPorts: [80] })]]],
      /stricter than written/,
    ],
    'an empty list needs no L7': [
      { action: 'ALLOW', rules: [{ from, to: [{ operation: { ports: ['80'], methods: [] } }] }] },
      [[isMallory, [match({ destinationPorts: [80] })]]],
      undefined,
    ],
    'an attribute is named once': [
      { action: 'ALLOW', rules: [{ to: [...paths, ...paths] }] },
      [],
      /^paths can be judged at L7 only: /,
    ],
    'AUDIT is not applied': [{ action: 'AUDIT', rules: [{ from }] }, [[isMallory]], /AUDIT/],
    'nor is what has a target': [
      { targetRef: { kind: 'Service', name: 'cart' }, rules: [{ from }] },
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

describe('trust domains, which proxies know as the beginning of a principal', () => {
  const prefix = (value: string) => ({ kind: 'prefix' as const, value });
  const presence = { kind: 'presence' as const };
  const table: Record<string, [object, readonly unknown[], RegExp | undefined]> = {
    one: [
      { trustDomains: ['corp.example'] },
      [[[match({ principals: [prefix('corp.example/')] })]]],
      undefined,
    ],
    'a beginning, and any': [
      { trustDomains: ['corp*', '*'] },
      [[[match({ principals: [prefix('corp'), presence] })]]],
      undefined,
    ],
    'with principals both have to hold': [
      { principals: [mallory.value], trustDomains: ['cluster.local'] },
      [[...[isMallory], [match({ principals: [prefix('cluster.local/')] })]]],
      undefined,
    ],
    'all but one': [
      { notTrustDomains: ['corp.example'], notPrincipals: [mallory.value] },
      [[[match({ notPrincipals: [mallory, prefix('corp.example/')] })]]],
      undefined,
    ],
    'an end cannot be said, so that a DENY denies every identity': [
      { trustDomains: ['*.example'] },
      [[[match({ principals: [presence] })]]],
      /trustDomains cannot be judged.*stricter than written/,
    ],
  };
  for (const [name, [source, rules, told]] of Object.entries(table))
    it(name, () => {
      const decoded = decode({ action: 'DENY', rules: [{ from: [{ source }] }] });
      assert.ok(decoded.ok && decoded.value.kind === 'object');
      const { object, findings } = decoded.value;
      assert.ok(object.kind === 'AuthorizationPolicy');
      assert.deepEqual(object.rules, rules);
      if (told) assert.match(findings[0]?.message ?? 'not told', told);
      else assert.deepEqual(findings, []);
    });

  it('and an ALLOW allows nothing where one cannot be said', () => {
    const decoded = decode({ rules: [{ from: [{ source: { trustDomains: ['*.example'] } }] }] });
    assert.ok(
      decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'AuthorizationPolicy',
    );
    assert.deepEqual(decoded.value.object.rules, []);
    assert.equal(decoded.value.findings[0]?.code, 'STRICTER_THAN_WRITTEN');
  });
});

describe('the annotation of a dry run', () => {
  const dryRun = (annotation: string) =>
    decodeObject({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'p', namespace: 'shop', annotations: { 'istio.io/dry-run': annotation } },
      spec: {},
    });
  const table: Record<string, [boolean, boolean]> = {
    ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((one) => [one, [true, false]])),
    ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False', ''].map((one) => [one, [false, false]])),
    ...Object.fromEntries(['yes', 'tRUE', ' true'].map((one) => [one, [false, true]])),
  };
  for (const [text, [isDryRun, isTold]] of Object.entries(table))
    it(`'${text}', as Go reads booleans: ${isDryRun ? 'a dry run' : 'enforced'}${isTold ? ', and told' : ''}`, () => {
      const decoded = dryRun(text);
      assert.ok(
        decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'AuthorizationPolicy',
      );
      assert.equal(decoded.value.object.dryRun, isDryRun);
      assert.equal(decoded.value.findings.length, isTold ? 1 : 0);
    });
});

describe('a field that is unknown', () => {
  const table: Record<string, [object, string, string]> = {
    'is told with the one that is meant': [
      { rules: [{ from: [{ sorce: { namespaces: ['a'] } }] }] },
      'spec.rules[0].from[0].sorce',
      'unknown field "sorce"; did you mean "source"?',
    ],
    'of a rule': [
      { rules: [{ form: [] }] },
      'spec.rules[0].form',
      'unknown field "form"; did you mean "from"?',
    ],
    'of the policy': [{ selectr: {} }, 'spec.selectr', 'unknown field "selectr"; did you mean "selector"?'],
    'in another case': [
      { rules: [{ from: [{ source: { ipblocks: ['10.0.0.1'] } }] }] },
      'spec.rules[0].from[0].source.ipblocks',
      'unknown field "ipblocks"; did you mean "ipBlocks"?',
    ],
    'like no other': [{ zones: [] }, 'spec.zones', 'unknown field "zones"'],
  };
  for (const [name, [spec, field, message]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(spec);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.field, decoded.error.message], [field, message]);
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
    'with a condition of no attribute': [when('source.namespaces', 'a'), 'spec.rules[0].when[0].key'],
    'with a trust domain that has a slash': [
      { rules: [{ from: [{ source: { trustDomains: ['a/b'] } }] }] },
      'spec.rules[0].from[0].source.trustDomains[0]',
    ],
    'with a service account that has a wildcard': [
      { rules: [{ from: [{ source: { serviceAccounts: ['a*'] } }] }] },
      'spec.rules[0].from[0].source.serviceAccounts[0]',
    ],
    'with a label that has a wildcard': [
      { selector: { matchLabels: { app: 'c*' } } },
      'spec.selector.matchLabels.app',
    ],
    'with a selector and a target': [
      { selector: {}, targetRef: { kind: 'Service', name: 'a' } },
      'spec.targetRefs',
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
