import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  defaultTrustDomain,
  type TrustDomain,
  type WorkloadIdentity,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { principalOf } from '@isthmus/mesh/identity/spiffe-id.ts';
import {
  compileAccess,
  type AccessConditions,
  type AccessStatement,
} from '@isthmus/mesh/rbac/compile-access.ts';
import type { Connection } from '@isthmus/mesh/rbac/connection.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import { anAuthorization, aWorkload } from '../../fakes/records.ts';

const trustDomain = defaultTrustDomain;
const conditions = (over: Partial<AccessConditions> = {}): AccessConditions => ({
  principals: [],
  namespaces: [],
  ports: [],
  ...over,
});
const statement = (
  effect: AccessStatement['effect'],
  ...rules: readonly AccessConditions[]
): AccessStatement => ({
  name: 'only-front',
  namespace: 'shop',
  effect,
  rules,
});
const destination = { address: '10.0.0.1', workload: aWorkload({ uid: 'east//Pod/shop/cart' }) };
const call = (identity: WorkloadIdentity | undefined, port: number): Connection => ({
  source: { address: '10.0.0.9', identity },
  destination: { ...destination, port },
});

describe("a hub's policy, compiled", () => {
  it('has a name that no object of a cluster can have', () => {
    const compiled = compileAccess(statement('ALLOW'), trustDomain);
    assert.deepEqual(
      [compiled.key, compiled.name, compiled.namespace, compiled.scope, compiled.dryRun],
      ['shop/isthmus~only-front', 'isthmus~only-front', 'shop', 'WORKLOAD_SELECTOR', false],
    );
  });

  const rule = conditions({
    principals: ['*', '*/sa/front', 'td/ns/shop/*', 'td/ns/a/sa/b'],
    namespaces: ['shop'],
    ports: [80, 81],
  });
  const principals = [
    { kind: 'presence' },
    { kind: 'suffix', value: '/sa/front' },
    { kind: 'prefix', value: 'td/ns/shop/' },
    { kind: 'exact', value: 'td/ns/a/sa/b' },
  ] as const;
  const namespaces = [{ kind: 'prefix', value: 'cluster.local/ns/shop/' }] as const;

  for (const effect of ['ALLOW', 'DENY'] as const)
    it(`${effect}: rules are alternatives, fields are clauses that must all hold`, () => {
      const compiled = compileAccess(statement(effect, rule, conditions({ ports: [1] })), trustDomain);
      assert.equal(compiled.action, effect);
      assert.deepEqual(compiled.rules, [
        [
          [match({ principals })],
          [match({ principals: namespaces })],
          [match({ destinationPorts: [80, 81] })],
        ],
        [[match({ destinationPorts: [1] })]],
      ]);
    });

  it('REQUIRE: one group, for each rule a clause, for each field a match of one negated attribute', () => {
    const compiled = compileAccess(statement('REQUIRE', rule, conditions({ ports: [1] })), trustDomain);
    assert.equal(compiled.action, 'DENY');
    assert.deepEqual(compiled.rules, [
      [
        [
          match({ notPrincipals: principals }),
          match({ notPrincipals: namespaces }),
          match({ notDestinationPorts: [80, 81] }),
        ],
        [match({ notDestinationPorts: [1] })],
      ],
    ]);
  });

  const front = { trustDomain: defaultTrustDomain, namespace: 'shop', serviceAccount: 'front' };
  const foreign = { ...front, trustDomain: 'elsewhere' as TrustDomain };
  const cases = [
    {
      name: 'REQUIRE without rules denies everything',
      policy: statement('REQUIRE'),
      who: front,
      port: 1,
      allowed: false,
    },
    {
      name: 'REQUIRE of nothing in particular denies nothing',
      policy: statement('REQUIRE', conditions()),
      who: undefined,
      port: 1,
      allowed: true,
    },
    {
      name: 'ALLOW without rules allows nothing',
      policy: statement('ALLOW'),
      who: front,
      port: 1,
      allowed: false,
    },
    {
      name: 'ALLOW of nothing in particular allows everything',
      policy: statement('ALLOW', conditions()),
      who: undefined,
      port: 1,
      allowed: true,
    },
    {
      name: 'DENY without rules denies nothing',
      policy: statement('DENY'),
      who: front,
      port: 1,
      allowed: true,
    },
    {
      name: 'REQUIRE of a namespace admits it',
      policy: statement('REQUIRE', conditions({ namespaces: ['shop'] })),
      who: front,
      port: 1,
      allowed: true,
    },
    {
      name: 'REQUIRE of a namespace means its own trust domain',
      policy: statement('REQUIRE', conditions({ namespaces: ['shop'] })),
      who: foreign,
      port: 1,
      allowed: false,
    },
    {
      name: 'REQUIRE of a principal denies plaintext',
      policy: statement('REQUIRE', conditions({ principals: ['*'] })),
      who: undefined,
      port: 1,
      allowed: false,
    },
    {
      name: 'REQUIRE of a port denies the others',
      policy: statement('REQUIRE', conditions({ namespaces: ['shop'], ports: [80] })),
      who: front,
      port: 81,
      allowed: false,
    },
    {
      name: 'ALLOW of a namespace means its own trust domain',
      policy: statement('ALLOW', conditions({ namespaces: ['shop'] })),
      who: foreign,
      port: 1,
      allowed: false,
    },
    {
      name: 'a namespace is not its longer namesake',
      policy: statement('ALLOW', conditions({ namespaces: ['sho'] })),
      who: front,
      port: 1,
      allowed: false,
    },
  ];
  for (const { name, policy, who, port, allowed } of cases)
    it(name, () =>
      assert.equal(evaluate([compileAccess(policy, trustDomain)], call(who, port)).allowed, allowed),
    );
});

describe('laws of compiled policies', () => {
  const identities = fc.record({
    trustDomain: fc.constantFrom('cluster.local', 'elsewhere').map((name) => name as TrustDomain),
    namespace: fc.constantFrom('shop', 'other', 'shops'),
    serviceAccount: fc.constantFrom('front', 'back'),
  });
  const connections = fc.tuple(fc.option(identities, { nil: undefined }), fc.constantFrom(80, 81, 8080));
  const principals = fc.constantFrom(
    ...[
      '*',
      '*/sa/front',
      'cluster.local/*',
      'elsewhere/ns/shop/*',
      'cluster.local/ns/shop/sa/front',
      'cluster.local/ns/other/sa/back',
    ],
  );
  const rules = fc.array(
    fc.record({
      principals: fc.array(principals, { maxLength: 2 }),
      namespaces: fc.array(fc.constantFrom('shop', 'other'), { maxLength: 2 }),
      ports: fc.array(fc.constantFrom(80, 81), { maxLength: 2 }),
    }),
    { maxLength: 3 },
  );

  /** The meaning of a rule, said without policies: fields that are there must all hold, values are alternatives. */
  function meets(rule: AccessConditions, who: WorkloadIdentity | undefined, port: number): boolean {
    const principal = who && principalOf(who);
    const is = (text: string) =>
      principal !== undefined &&
      (text === '*' ||
        (text.startsWith('*') && principal.endsWith(text.slice(1))) ||
        (text.endsWith('*') && principal.startsWith(text.slice(0, -1))) ||
        text === principal);
    return (
      (rule.principals.length === 0 || rule.principals.some(is)) &&
      (rule.namespaces.length === 0 ||
        (who?.trustDomain === trustDomain && rule.namespaces.includes(who.namespace))) &&
      (rule.ports.length === 0 || rule.ports.includes(port))
    );
  }

  const law = (effect: AccessStatement['effect'], expected: (anyRule: boolean) => boolean) => () =>
    fc.assert(
      fc.property(rules, connections, (some, [who, port]) => {
        const verdict = evaluate([compileAccess(statement(effect, ...some), trustDomain)], call(who, port));
        assert.equal(verdict.allowed, expected(some.some((rule) => meets(rule, who, port))));
      }),
      { numRuns: 1000 },
    );
  it(
    'REQUIRE denies exactly what matches no rule',
    law('REQUIRE', (any) => any),
  );
  it(
    'ALLOW allows exactly what matches a rule',
    law('ALLOW', (any) => any),
  );
  it(
    'DENY denies exactly what matches a rule',
    law('DENY', (any) => !any),
  );

  it('several REQUIREs intersect, and no ALLOW weakens them', () =>
    fc.assert(
      fc.property(rules, rules, connections, (some, others, [who, port]) => {
        const compiled = [some, others].map((one) =>
          compileAccess(statement('REQUIRE', ...one), trustDomain),
        );
        const allow = anAuthorization({ name: 'all', action: 'ALLOW', rules: [[]] });
        const expected = [some, others].every((one) => one.some((rule) => meets(rule, who, port)));
        assert.equal(evaluate([allow, ...compiled], call(who, port)).allowed, expected);
      }),
      { numRuns: 500 },
    ));

  it('a text of a condition is read as Istio reads it', () => {
    assert.deepEqual(stringMatch('*'), { kind: 'presence' });
    assert.deepEqual(stringMatch('*a'), { kind: 'suffix', value: 'a' });
    assert.deepEqual(stringMatch('a*'), { kind: 'prefix', value: 'a' });
    assert.deepEqual(stringMatch('a*b'), { kind: 'exact', value: 'a*b' });
  });
});
