import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import fc from 'fast-check';
import { authorizationStandIn, policyStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import { decodeAuthorization, encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import type { WorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { evaluate, type Connection } from '@isthmus/mesh/rbac/evaluate.ts';
import {
  AuthorizationSchema,
  StringMatchSchema,
  type Authorization as Message,
} from '../../../api/gen/upstream/authorization_pb.js';
import { CompiledPolicySchema } from '../../../api/gen/isthmus/link_pb.js';
import { aMatch, anAuthorization, aWorkload } from '../../fakes/records.ts';

const port = fc.constantFrom(80, 7001);
const principal = fc
  .constantFrom('cluster.local/ns/shop/sa/front', 'cluster.local/ns/bank/sa/mallory')
  .map((value) => ({ kind: 'exact' as const, value }));
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 2 });
const match = fc
  .record({ principals: some(principal), notPrincipals: some(principal), destinationPorts: some(port) })
  .map(aMatch);
const policy = fc
  .record({
    action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
    rules: fc.array(some(some(match)), { minLength: 1, maxLength: 3 }),
    dryRun: fc.boolean(),
  })
  .map((over) => anAuthorization({ name: 'x', scope: 'NAMESPACE', ...over }));
const connection = fc
  .record({ port, who: fc.constantFrom('shop/front', 'bank/mallory', undefined) })
  .map(({ port: number, who }): Connection => {
    const [namespace = '', serviceAccount = ''] = who?.split('/') ?? [];
    const identity = { trustDomain: defaultTrustDomain, namespace, serviceAccount } as WorkloadIdentity;
    return {
      source: { address: '10.0.0.9', identity: who === undefined ? undefined : identity },
      destination: { address: '10.0.0.1', port: number, workload: aWorkload({ uid: 'w' }) },
    };
  });

const unknownField = { no: 99, wireType: WireType.Varint, data: Uint8Array.of(1) };
/** What a newer sender may write that this reader does not know; `pick` chooses where. */
const breaks: Record<string, (message: Message, pick: number) => void> = {
  'an unknown action': (message) => (message.action = 9 as never),
  'an unknown field': (message) => (message.$unknown = [unknownField]),
  'a rule with an unknown field': ({ groups }, pick) =>
    (groups[pick % groups.length]!.$unknown = [unknownField]),
  'a clause with an unknown field': ({ groups }, pick) => {
    const clauses = groups.flatMap(({ rules }) => rules);
    if (clauses.length > 0) clauses[pick % clauses.length]!.$unknown = [unknownField];
  },
  'a match with an unknown field': (message, pick) => {
    const found = matchesOf(message);
    if (found.length > 0) found[pick % found.length]!.$unknown = [unknownField];
  },
  'a match of an unknown kind': (message, pick) => {
    const found = matchesOf(message);
    if (found.length > 0) found[pick % found.length]!.principals.push(create(StringMatchSchema));
  },
};
const matchesOf = ({ groups }: Message) =>
  groups.flatMap(({ rules }) => rules.flatMap(({ matches }) => matches));

const broken = (complete: Authorization, how: keyof typeof breaks, pick = 0): Uint8Array => {
  const message = fromBinary(AuthorizationSchema, encodeAuthorization(complete));
  breaks[how]!(message, pick);
  return toBinary(AuthorizationSchema, message);
};
const standing = <T extends object>(one: T | string): T => (typeof one === 'string' ? assert.fail(one) : one);
const open = anAuthorization({ name: 'open', rules: [[]] });
const denies = (policies: readonly Authorization[], one: Connection) => !evaluate(policies, one).allowed;

describe('what stands in for a policy that cannot be read', () => {
  for (const how of Object.keys(breaks))
    it(`denies all that the policy denies: ${how}`, () => {
      fc.assert(
        fc.property(policy, fc.nat(50), connection, (complete, pick, one) => {
          const bytes = broken(complete, how, pick);
          const read = decodeAuthorization('shop/x', bytes);
          const inForce = read.ok ? read.value : authorizationStandIn('shop/x', bytes);
          const policies = typeof inForce === 'string' ? [] : [inForce];
          // An action that is not known may be either.
          for (const action of how === 'an unknown action' ? (['ALLOW', 'DENY'] as const) : [complete.action])
            for (const others of [[], [open]])
              if (denies([{ ...complete, action }, ...others], one))
                assert.ok(denies([...policies, ...others], one), 'a connection that was denied is let in');
        }),
        { numRuns: 500 },
      );
    });

  const deny = anAuthorization({ name: 'x', scope: 'NAMESPACE', action: 'DENY', rules: [[]] });
  const of = (over: Partial<Authorization>, name = 'shop/x') =>
    standing(authorizationStandIn(name, broken({ ...deny, ...over }, 'an unknown action')));

  it('is for the scope that can be read', () => {
    assert.deepEqual([of({}).scope, of({}).namespace], ['NAMESPACE', 'shop']);
    assert.equal(of({ scope: 'GLOBAL', namespace: 'istio-system' }).scope, 'GLOBAL');
    assert.equal(of({ scope: 'WORKLOAD_SELECTOR' }).scope, 'WORKLOAD_SELECTOR');
  });

  it('is for the namespace in its name where nothing can be read, and for the mesh where that is the root', () => {
    const garbage = Uint8Array.of(10, 99);
    const scopes = ['shop/x', 'istio-system/x', 'x', '/x'].map((name) => {
      const one = authorizationStandIn(name, garbage);
      return typeof one === 'string' ? one : [one.scope, one.namespace, one.action, one.rules];
    });
    assert.deepEqual(scopes, [
      ['NAMESPACE', 'shop', 'DENY', [[]]],
      ['GLOBAL', 'istio-system', 'DENY', [[]]],
      'NO_NAMESPACE',
      'NO_NAMESPACE',
    ]);
  });

  it('is nothing for a dry run, and keeps the parts of a DENY that can be read', () => {
    const how = 'a match of an unknown kind';
    const rules = [[[aMatch({ destinationPorts: [80] })], [aMatch({ destinationPorts: [81] })]]];
    const written: Authorization = { ...deny, rules };
    assert.equal(authorizationStandIn('shop/x', broken({ ...written, dryRun: true }, how)), 'DENIES_NOTHING');
    assert.deepEqual(standing(authorizationStandIn('shop/x', broken(written, how, 1))).rules, [
      [rules[0]![0]],
    ]);
  });
});

describe("what stands in for a hub's policy that cannot be read", () => {
  const bytes = (change: (message: ReturnType<typeof parse>) => void) => {
    const message = parse();
    change(message);
    return toBinary(CompiledPolicySchema, message);
  };
  const parse = () =>
    fromBinary(
      CompiledPolicySchema,
      wire.compiledPolicy.encode({
        name: 'x',
        revision: 3,
        target: { namespace: 'shop', labels: { app: 'cart' } },
        authorization: anAuthorization({ name: 'isthmus~x', action: 'DENY', rules: [[[aMatch()]]] }),
      }),
    );

  it('is for the workloads of its target', () => {
    const standIn = standing(
      policyStandIn(
        'x',
        bytes(({ authorization }) => (authorization!.action = 9 as never)),
      ),
    );
    assert.deepEqual(standIn.target, { namespace: 'shop', labels: { app: 'cart' } });
    assert.deepEqual([standIn.authorization.action, standIn.authorization.rules], ['DENY', [[]]]);
    assert.equal(standIn.authorization.key, 'shop/isthmus~unread~x');
  });

  it('denies everything where the authorization is missing', () =>
    assert.deepEqual(
      standing(
        policyStandIn(
          'x',
          bytes((one) => (one.authorization = undefined)),
        ),
      ).authorization.rules,
      [[]],
    ));

  it('is nothing where the target cannot be read', () => {
    assert.equal(policyStandIn('x', Uint8Array.of(10, 99)), 'NO_NAMESPACE');
    assert.equal(
      policyStandIn(
        'x',
        bytes((one) => (one.targetNamespace = 'No Label')),
      ),
      'NO_NAMESPACE',
    );
  });

  it('a field that is not known is refused, as it may narrow whom the policy lets in', () => {
    const decoded = wire.compiledPolicy.decode(bytes((one) => (one.$unknown = [unknownField])));
    assert.ok(!decoded.ok);
    assert.match(decoded.error, /^the message: has the field number 99, which is not known here/);
  });
});
