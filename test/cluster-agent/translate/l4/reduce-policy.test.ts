import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { forL4, reducePolicy } from '@isthmus/cluster-agent/translate/l4/reduce-policy.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';

function decoded(spec: object) {
  const found = decodeObject({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec,
  });
  assert.ok(found.ok && found.value.kind === 'object' && found.value.object.kind === 'AuthorizationPolicy');
  assert.deepEqual(found.value.findings, []);
  return found.value.object;
}

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
  for (const [name, [spec, rules, finding]] of Object.entries(table))
    it(name, () => {
      const { rules: reduced, findings } = reducePolicy(decoded(spec));
      assert.deepEqual(reduced, rules);
      if (finding) assert.match(findings[0]?.message ?? 'no finding', finding);
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
  for (const [name, [source, rules, finding]] of Object.entries(table))
    it(name, () => {
      const policy = decoded({ action: 'DENY', rules: [{ from: [{ source }] }] });
      const { rules: reduced, findings } = reducePolicy(policy);
      assert.deepEqual(reduced, rules);
      if (finding) assert.match(findings[0]?.message ?? 'no finding', finding);
      else assert.deepEqual(findings, []);
    });

  it('and an ALLOW allows nothing where one cannot be said', () => {
    const policy = decoded({ rules: [{ from: [{ source: { trustDomains: ['*.example'] } }] }] });
    assert.deepEqual(reducePolicy(policy).rules, []);
    assert.equal(reducePolicy(policy).findings[0]?.code, 'STRICTER_THAN_WRITTEN');
  });
});

describe('which policies L4 proxies enforce', () => {
  const target = { kind: 'Service', name: 'cart' };
  const table: Record<string, [object, boolean]> = {
    'an ALLOW': [{}, true],
    'a DENY': [{ action: 'DENY', rules: [{}] }, true],
    'an AUDIT': [{ action: 'AUDIT' }, false],
    'a CUSTOM': [{ action: 'CUSTOM', provider: { name: 'opa' } }, false],
    'one with a target': [{ targetRef: target }, false],
    'one with a list of targets': [{ targetRefs: [target] }, false],
    'one with an empty list of targets': [{ targetRefs: [] }, true],
  };
  for (const [name, [spec, expected]] of Object.entries(table))
    it(`${name}: ${expected ? 'enforced' : 'not'}`, () => assert.equal(forL4(decoded(spec)), expected));

  it('a policy is reduced once', () => {
    const policy = decoded({ rules: [{ from }] });
    assert.equal(reducePolicy(policy), reducePolicy(policy));
  });
});
