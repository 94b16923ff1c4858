import assert from 'node:assert/strict';
import { refusedPolicyConditions } from '@isthmus/cluster-agent/policies/refused.ts';
import { inputOf } from '../../fakes/cluster.ts';
import { anAuthorization } from '../../fakes/records.ts';

const yaml = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: shop }
spec: { action: DENY, rules: [{}] }
`;
const refusal = { proxies: ['istio-system/ztunnel-a', 'istio-system/ztunnel-b'], reason: 'action: 9' };

describe('a policy of the cluster that proxies refuse is an error', () => {
  it('with its object, the proxies and what is in force', () => {
    const [one] = refusedPolicyConditions(new Map([['shop/p', refusal]]), inputOf(yaml));
    assert.deepEqual(
      [one?.severity, one?.reason, one?.object],
      ['ERROR', 'POLICY_REFUSED', 'AuthorizationPolicy shop/p'],
    );
    assert.match(
      one?.message ?? '',
      /^2 proxies refuse it: action: 9; in its place .* at istio-system\/ztunnel-a, /,
    );
  });

  it('without an object where none was written under that name', () => {
    const [one] = refusedPolicyConditions(new Map([['shop/converted', refusal]]), inputOf(yaml));
    assert.equal(one?.object, '');
    assert.match(one.message, /refuse policy shop\/converted/);
  });

  it("leaves out the hub's policies, which have a state of their own", () => {
    const authorization = anAuthorization({ name: 'isthmus~x' });
    const policies = new Map([
      ['x', { name: 'x', revision: 1, target: { namespace: 'shop', labels: {} }, authorization }],
    ]);
    assert.deepEqual(
      refusedPolicyConditions(new Map([['shop/isthmus~x', refusal]]), inputOf(yaml, { policies })),
      [],
    );
  });

  for (const [count, conditions] of [
    [9, 9],
    [10, 10],
    [11, 11],
    [12, 11],
  ] as const)
    it(`of ${count} ten are named`, () => {
      const all = new Map(Array.from({ length: count }, (_, i) => [`shop/p${i}`, refusal]));
      assert.equal(refusedPolicyConditions(all, inputOf(yaml)).length, conditions);
    });
});
