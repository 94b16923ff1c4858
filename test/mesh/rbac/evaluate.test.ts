import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Authorization, Match, Rule } from '@isthmus/mesh/rbac/authorization.ts';
import type { Connection } from '@isthmus/mesh/rbac/connection.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import { authorization } from '../../fakes/arbitrary-records.ts';
import { anAuthorization, aWorkload } from '../../fakes/records.ts';

const workload = aWorkload({ uid: 'east//Pod/shop/cart' });
const identity = (namespace: string, serviceAccount: string, trustDomain = 'cluster.local') => ({
  namespace,
  serviceAccount,
  trustDomain: trustDomain as TrustDomain,
});
const front = identity('shop', 'front');
const call = (
  over: { identity?: typeof front | undefined; address?: string; to?: string; port?: number } = {},
): Connection => ({
  source: { address: over.address ?? '10.0.0.9', identity: 'identity' in over ? over.identity : front },
  destination: { address: over.to ?? '10.0.0.1', port: over.port ?? 8080, workload },
});
const plaintext = call({ identity: undefined });

const policy = (name: string, action: 'ALLOW' | 'DENY', ...rules: readonly Rule[]): Authorization =>
  anAuthorization({ name, action, rules });
/** One rule with one clause of one match. */
const when = (attributes: Partial<Match>): Rule => [[match(attributes)]];

describe('one condition', () => {
  const text = stringMatch;
  const cases: readonly {
    readonly name: string;
    readonly rule: Rule;
    readonly meets: Connection;
    readonly fails: Connection;
  }[] = [
    {
      name: 'a principal, without the scheme',
      rule: when({ principals: [text('cluster.local/ns/shop/sa/front')] }),
      meets: call(),
      fails: call({ identity: identity('shop', 'front', 'elsewhere') }),
    },
    {
      name: 'one of several principals',
      rule: when({ principals: [text('a/ns/b/sa/c'), text('cluster.local/ns/shop/sa/front')] }),
      meets: call(),
      fails: call({ identity: identity('shop', 'back') }),
    },
    {
      name: 'a prefix',
      rule: when({ principals: [text('cluster.local/ns/shop/*')] }),
      meets: call(),
      fails: call({ identity: identity('shopping', 'front') }),
    },
    {
      name: 'a suffix',
      rule: when({ principals: [text('*/sa/front')] }),
      meets: call({ identity: identity('any', 'front', 'any') }),
      fails: call({ identity: identity('shop', 'storefront') }),
    },
    { name: 'any identity at all', rule: when({ principals: [text('*')] }), meets: call(), fails: plaintext },
    {
      name: 'dots that are dots, not any letter',
      rule: when({ principals: [text('cluster.local/ns/shop/sa/cert-manager.io')] }),
      meets: call({ identity: identity('shop', 'cert-manager.io') }),
      fails: call({ identity: identity('shop', 'cert-managerXio') }),
    },
    {
      name: 'a namespace, of whatever trust domain',
      rule: when({ namespaces: [text('shop')] }),
      meets: call({ identity: identity('shop', 'x', 'elsewhere') }),
      fails: call({ identity: identity('other', 'front') }),
    },
    {
      name: 'a service account, of whatever trust domain',
      rule: when({ serviceAccounts: [{ namespace: 'shop', serviceAccount: 'front' }] }),
      meets: call({ identity: identity('shop', 'front', 'elsewhere') }),
      fails: call({ identity: identity('other', 'front') }),
    },
    {
      name: 'not a principal',
      rule: when({ notPrincipals: [text('cluster.local/ns/shop/sa/front')] }),
      meets: call({ identity: identity('shop', 'back') }),
      fails: call(),
    },
    {
      name: 'not a namespace',
      rule: when({ notNamespaces: [text('shop'), text('other')] }),
      meets: call({ identity: identity('third', 'a') }),
      fails: call({ identity: identity('other', 'a') }),
    },
    {
      name: 'not a service account',
      rule: when({ notServiceAccounts: [{ namespace: 'shop', serviceAccount: 'front' }] }),
      meets: call({ identity: identity('shop', 'back') }),
      fails: call(),
    },
    {
      name: 'a block of sources',
      rule: when({ sourceIps: [{ address: '10.0.0.0', prefix: 24 }] }),
      meets: call({ address: '10.0.0.200' }),
      fails: call({ address: '10.0.1.1' }),
    },
    {
      name: 'not a block of sources',
      rule: when({ notSourceIps: [{ address: '10.0.0.0', prefix: 24 }] }),
      meets: call({ address: '10.0.1.1' }),
      fails: call({ address: '10.0.0.200' }),
    },
    {
      name: 'a block of destinations',
      rule: when({ destinationIps: [{ address: '10.0.0.1', prefix: 32 }] }),
      meets: call(),
      fails: call({ to: '10.0.0.2' }),
    },
    {
      name: 'not a block of destinations',
      rule: when({ notDestinationIps: [{ address: '10.0.0.1', prefix: 32 }] }),
      meets: call({ to: '10.0.0.2' }),
      fails: call(),
    },
    {
      name: 'a port',
      rule: when({ destinationPorts: [80, 8080] }),
      meets: call(),
      fails: call({ port: 9090 }),
    },
    {
      name: 'not a port',
      rule: when({ notDestinationPorts: [80, 8080] }),
      meets: call({ port: 1 }),
      fails: call(),
    },
    {
      name: 'all attributes of one match',
      rule: when({ principals: [text('*')], destinationPorts: [8080] }),
      meets: call(),
      fails: call({ port: 9090 }),
    },
    {
      name: 'any match of a clause',
      rule: [[match({ destinationPorts: [1] }), match({ namespaces: [text('shop')] })]],
      meets: call(),
      fails: call({ identity: identity('other', 'a') }),
    },
    {
      name: 'all clauses of a rule',
      rule: [...when({ destinationPorts: [8080] }), ...when({ namespaces: [text('shop')] })],
      meets: call(),
      fails: call({ port: 1 }),
    },
    {
      name: 'a match without attributes counts for nothing',
      rule: [[match({}), match({ destinationPorts: [8080] })]],
      meets: call(),
      fails: call({ port: 1 }),
    },
  ];
  for (const { name, rule, meets, fails } of cases)
    it(`${name}, alike in ALLOW and DENY`, () => {
      assert.equal(evaluate([policy('p', 'ALLOW', rule)], meets).allowed, true);
      assert.equal(evaluate([policy('p', 'ALLOW', rule)], fails).allowed, false);
      assert.equal(evaluate([policy('p', 'DENY', rule)], meets).allowed, false);
      assert.equal(evaluate([policy('p', 'DENY', rule)], fails).allowed, true);
    });
});

describe('emptiness', () => {
  const cases: readonly {
    readonly name: string;
    readonly rules: readonly Rule[];
    readonly matches: boolean;
  }[] = [
    { name: 'a policy without rules matches nothing', rules: [], matches: false },
    { name: 'a rule without clauses matches everything', rules: [[]], matches: true },
    { name: 'a clause without matches holds', rules: [[[]]], matches: true },
    { name: 'a clause of empty matches does not', rules: [[[match({})]]], matches: false },
  ];
  for (const { name, rules, matches } of cases)
    for (const connection of [call(), plaintext])
      it(`${name} (${connection.source.identity ? 'mTLS' : 'plaintext'})`, () => {
        assert.equal(evaluate([policy('p', 'ALLOW', ...rules)], connection).allowed, matches);
        assert.equal(evaluate([policy('p', 'DENY', ...rules)], connection).allowed, !matches);
      });
});

describe('an absent identity', () => {
  const somebody = stringMatch('cluster.local/ns/shop/sa/front');
  const positive = [
    { principals: [somebody] },
    { principals: [stringMatch('*')] },
    { namespaces: [stringMatch('*')] },
    { namespaces: [stringMatch('shop')] },
    { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'front' }] },
  ];
  for (const attributes of positive)
    it(`meets no demand for one: ${JSON.stringify(attributes)}`, () => {
      assert.equal(evaluate([policy('p', 'ALLOW', when(attributes))], plaintext).allowed, false);
      assert.equal(evaluate([policy('p', 'DENY', when(attributes))], plaintext).allowed, true);
    });

  const negative = [
    { notPrincipals: [somebody] },
    { notPrincipals: [stringMatch('*')] },
    { notNamespaces: [stringMatch('shop')] },
    { notServiceAccounts: [{ namespace: 'shop', serviceAccount: 'front' }] },
  ];
  for (const attributes of negative)
    it(`is not somebody, in a DENY and in an ALLOW, as upstream has it: ${JSON.stringify(attributes)}`, () => {
      assert.equal(evaluate([policy('p', 'DENY', when(attributes))], plaintext).allowed, false);
      assert.equal(evaluate([policy('p', 'ALLOW', when(attributes))], plaintext).allowed, true);
    });

  it('is not "anybody but", where a rule asks for an identity beside it', () => {
    const known = match({ principals: [stringMatch('*')], notPrincipals: [somebody] });
    assert.equal(evaluate([policy('p', 'ALLOW', [[known]])], plaintext).allowed, false);
    const two = [...when({ namespaces: [stringMatch('*')] }), ...when({ notPrincipals: [somebody] })];
    assert.equal(evaluate([policy('p', 'ALLOW', two)], plaintext).allowed, false);
  });

  it('is refused by STRICT, and no peer with an identity is', () => {
    const strict = policy(
      'istio_converted_static_strict',
      'DENY',
      when({ notPrincipals: [stringMatch('*')] }),
    );
    assert.equal(evaluate([strict], plaintext).allowed, false);
    assert.equal(evaluate([strict], call()).allowed, true);
  });

  it('an address that cannot be read is in no block, and outside of one in a DENY only', () => {
    const unread = call({ address: '' });
    const outside = when({ notSourceIps: [{ address: '10.0.0.0', prefix: 8 }] });
    assert.equal(evaluate([policy('p', 'DENY', outside)], unread).allowed, false);
    assert.equal(evaluate([policy('p', 'ALLOW', outside)], unread).allowed, false);
    const everywhere = when({ sourceIps: [{ address: '0.0.0.0', prefix: 0 }] });
    assert.equal(evaluate([policy('p', 'ALLOW', everywhere)], unread).allowed, false);
  });
});

describe('the verdict', () => {
  const onPort = (port: number) => when({ destinationPorts: [port] });
  const everything: Rule = [];

  it('without policies allows', () =>
    assert.deepEqual(evaluate([], call()), {
      allowed: true,
      reason: 'NO_ALLOW_POLICY',
      policy: undefined,
      rule: undefined,
      dryRun: [],
      message: 'no ALLOW policy applies and no DENY matches',
    }));

  it('names the DENY and its rule, before every ALLOW', () => {
    const policies = [policy('allow', 'ALLOW', everything), policy('deny', 'DENY', onPort(1), onPort(8080))];
    const verdict = evaluate(policies, call());
    assert.deepEqual(
      [verdict.allowed, verdict.reason, verdict.policy, verdict.rule],
      [false, 'DENIED', 'shop/deny', 1],
    );
    assert.equal(verdict.message, 'policy shop/deny rule 1 denies cluster.local/ns/shop/sa/front');
  });

  it('names the ALLOW and its rule', () => {
    const verdict = evaluate(
      [policy('a', 'ALLOW', onPort(1)), policy('b', 'ALLOW', onPort(1), onPort(8080))],
      call(),
    );
    assert.deepEqual(
      [verdict.allowed, verdict.reason, verdict.policy, verdict.rule],
      [true, 'ALLOWED', 'shop/b', 1],
    );
  });

  it('says which ALLOWs there were when none matched', () => {
    const verdict = evaluate(
      ['a', 'b', 'c', 'd'].map((name) => policy(name, 'ALLOW', onPort(1))),
      plaintext,
    );
    assert.deepEqual([verdict.allowed, verdict.reason, verdict.policy], [false, 'NOT_ALLOWED', undefined]);
    assert.equal(
      verdict.message,
      'no ALLOW policy matches a peer without identity (10.0.0.9): shop/a, shop/b, shop/c and 1 more',
    );
  });

  it('of a dry run is reported and decides nothing', () => {
    const dry = (name: string, action: 'ALLOW' | 'DENY') => ({
      ...policy(name, action, everything),
      dryRun: true,
    });
    const verdict = evaluate([dry('deny', 'DENY'), dry('allow', 'ALLOW')], call());
    assert.deepEqual([verdict.allowed, verdict.reason], [true, 'NO_ALLOW_POLICY']);
    assert.deepEqual(verdict.dryRun, ['shop/deny', 'shop/allow']);
    const refused = evaluate([policy('real', 'ALLOW', onPort(1)), dry('allow', 'ALLOW')], call());
    assert.deepEqual([refused.reason, refused.dryRun], ['NOT_ALLOWED', ['shop/allow']]);
  });
});

describe('laws of evaluation', () => {
  const identities = fc.option(
    fc.record({
      trustDomain: fc.constantFrom('cluster.local', 'td').map((name) => name as TrustDomain),
      namespace: fc.constantFrom('shop', 'other'),
      serviceAccount: fc.constantFrom('front', 'default'),
    }),
    { nil: undefined },
  );
  const connections: fc.Arbitrary<Connection> = fc
    .tuple(identities, fc.ipV4(), fc.ipV4(), fc.nat(65_535))
    .map(([who, address, to, port]) => call({ identity: who, address, to, port }));

  it('a DENY that matches denies, whatever else there is', () =>
    fc.assert(
      fc.property(
        fc.array(authorization, { maxLength: 5 }),
        fc.nat(),
        connections,
        (others, place, connection) => {
          const deny = {
            ...policy('certain', 'DENY', [[match({ destinationPorts: [connection.destination.port] })]]),
          };
          const verdict = evaluate(others.toSpliced(place % (others.length + 1), 0, deny), connection);
          assert.deepEqual([verdict.allowed, verdict.reason], [false, 'DENIED']);
        },
      ),
    ));

  it('plaintext passes an ALLOW only by a rule that demands no identity', () =>
    fc.assert(
      fc.property(fc.array(authorization, { maxLength: 5 }), connections, (random, connection) => {
        const policies = random.map((one, i) => ({ ...one, key: `shop/${i}` }));
        const bare = { ...connection, source: { ...connection.source, identity: undefined } };
        const verdict = evaluate(policies, bare);
        if (verdict.reason !== 'ALLOWED') return;
        const rule = policies.find(({ key }) => key === verdict.policy)?.rules[verdict.rule!];
        assert.ok(rule);
        for (const clause of rule)
          assert.ok(
            clause.length === 0 || clause.some((one) => !demandsIdentity(one)),
            'a clause that demands one',
          );
      }),
      { numRuns: 500 },
    ));

  it('any DENY that matches denies, in a set of random ones', () =>
    fc.assert(
      fc.property(fc.array(authorization, { maxLength: 6 }), connections, (policies, connection) => {
        const isDenied = policies.some(
          (one) =>
            one.action === 'DENY' &&
            !one.dryRun &&
            evaluate([{ ...one, action: 'DENY' }], connection).reason === 'DENIED',
        );
        assert.equal(evaluate(policies, connection).reason === 'DENIED', isDenied);
      }),
      { numRuns: 500 },
    ));

  it('a caller without an identity meets "anybody but" in a DENY and in an ALLOW (ADR 8), and no demand for one', () =>
    fc.assert(
      fc.property(fc.constantFrom('ALLOW' as const, 'DENY' as const), connections, (action, connection) => {
        const bare = { ...connection, source: { ...connection.source, identity: undefined } };
        const texts = ['*', 'cluster.local/ns/shop/sa/front', 'shop', '*/sa/x', 'td/*'].map(stringMatch);
        const account = [{ namespace: 'shop', serviceAccount: 'front' }];
        const negative = when({
          notPrincipals: texts,
          notNamespaces: texts,
          notServiceAccounts: account,
        });
        const positive = [{ principals: texts }, { namespaces: texts }, { serviceAccounts: account }];
        const isMet = action === 'ALLOW' ? 'ALLOWED' : 'DENIED';
        assert.equal(evaluate([policy('p', action, negative)], bare).reason, isMet);
        for (const one of positive)
          assert.notEqual(evaluate([policy('p', action, when(one))], bare).reason, isMet);
      }),
    ));

  it('whatever order policies come in, the verdict and what it names are the same', () =>
    fc.assert(
      fc.property(
        fc
          .array(authorization, { maxLength: 6 })
          .map((all) => all.map((one, i) => ({ ...one, key: `shop/${i}` })))
          .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        connections,
        ([policies, shuffled], connection) => {
          const [one, other] = [evaluate(policies, connection), evaluate(shuffled, connection)];
          assert.deepEqual(
            { ...one, dryRun: one.dryRun.toSorted() },
            { ...other, dryRun: other.dryRun.toSorted() },
          );
        },
      ),
      { numRuns: 500 },
    ));

  it('another ALLOW only ever lets more in, another DENY only ever less, once one ALLOW exists', () =>
    fc.assert(
      fc.property(
        fc.array(authorization, { maxLength: 4 }),
        authorization,
        connections,
        (rest, added, connection) => {
          const policies = [policy('first', 'ALLOW', [[match({ destinationPorts: [1, 2, 3] })]]), ...rest];
          const [before, after] = [
            evaluate(policies, connection),
            evaluate([...policies, added], connection),
          ];
          if (added.action === 'ALLOW') assert.ok(!before.allowed || after.allowed);
          else assert.ok(before.allowed || !after.allowed);
        },
      ),
    ));
});

const demandsIdentity = (one: Match): boolean =>
  [one.principals, one.namespaces, one.serviceAccounts].some((values) => values.length > 0);
