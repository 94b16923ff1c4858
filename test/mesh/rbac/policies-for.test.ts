import assert from 'node:assert/strict';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import { verdictFor } from '@isthmus/mesh/rbac/policies-for.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { anAuthorization, aWorkload } from '../../fakes/records.ts';

const own = anAuthorization({ name: 'own', scope: 'NAMESPACE' });
const foreign = anAuthorization({
  name: 'foreign',
  key: 'other/foreign',
  scope: 'NAMESPACE',
  namespace: 'other',
});
const everywhere = anAuthorization({
  name: 'all',
  key: 'istio-system/all',
  scope: 'GLOBAL',
  namespace: 'istio-system',
});
const named = anAuthorization({ name: 'named' });
const unnamed = anAuthorization({ name: 'unnamed' });

const stateOf = (...policies: readonly Authorization[]) => {
  const state = new MeshState();
  state.applyAuthorizations(policies, []);
  return state;
};
const policiesFor = (state: MeshState, of: Workload) => state.policies.applicable(of);
const workload = (...authorizationPolicies: readonly string[]) =>
  aWorkload({ uid: 'east//Pod/shop/cart', authorizationPolicies });

describe('the policies of a workload', () => {
  it("are its namespace's, the whole mesh's, and those that it names", () => {
    const { policies, missing } = policiesFor(
      stateOf(own, foreign, everywhere, named, unnamed),
      workload('shop/named'),
    );
    assert.deepEqual(policies, [own, everywhere, named]);
    assert.deepEqual(missing, []);
  });

  it('count once when they apply and are named too', () =>
    assert.deepEqual(policiesFor(stateOf(own), workload('shop/own')).policies, [own]));

  it('that are named and have not come are missing', () =>
    assert.deepEqual(policiesFor(stateOf(named), workload('shop/gone', 'shop/named', 'shop/late')), {
      policies: [named],
      missing: ['shop/gone', 'shop/late'],
    }));
});

describe('a verdict while a policy is missing', () => {
  const judged = (state: MeshState, ...names: readonly string[]) => {
    const named = workload(...names);
    const source = { address: '10.0.0.9', identity: undefined };
    const destination = { address: '10.0.0.1', port: 80, workload: named };
    return verdictFor(state.policies.applicable(named), seen({ source, destination }));
  };
  const deny = anAuthorization({ name: 'deny', scope: 'NAMESPACE', action: 'DENY', rules: [[]] });

  it('allows nothing, and says what is missing', () => {
    const verdict = judged(stateOf(), 'shop/late');
    assert.deepEqual(
      [verdict.allowed, verdict.reason, verdict.policy],
      [false, 'POLICY_UNKNOWN', 'shop/late'],
    );
    assert.match(verdict.message, /shop\/late/);
  });

  it('denies at once what a known policy denies', () =>
    assert.equal(judged(stateOf(deny), 'shop/late').reason, 'DENIED'));

  it('waits where an ALLOW may still come', () =>
    assert.equal(judged(stateOf(own), 'shop/late').reason, 'POLICY_UNKNOWN'));

  it('is the verdict itself once all have come', () => {
    assert.equal(judged(stateOf(named), 'shop/named').reason, 'NOT_ALLOWED');
  });
});
