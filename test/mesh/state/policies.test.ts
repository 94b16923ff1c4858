import assert from 'node:assert/strict';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { PolicyStore } from '@isthmus/mesh/state/policies.ts';
import { anAuthorization, aWorkload } from '../../fakes/records.ts';

describe('policy store: inserted again', () => {
  const before = anAuthorization({ name: 'deny', scope: 'NAMESPACE' });
  const twice = (over: Partial<typeof before>) => {
    const store = new PolicyStore();
    store.insert(before);
    const after = { ...before, ...over };
    assert.equal(store.insert(after), before);
    assert.equal(store.get(before.key), after);
    assert.equal(store.size, 1);
    return { store, after };
  };

  it('lists a policy once when it is replaced in the same scope', () => {
    const { store, after } = twice({ action: 'DENY' });
    assert.deepEqual(store.unnamed('shop'), [after]);
  });

  it('for the whole mesh leaves its namespace', () => {
    const { store, after } = twice({ scope: 'GLOBAL' });
    assert.deepEqual(store.unnamed('shop'), [after]);
    assert.deepEqual(store.unnamed('other'), [after]);
    assert.deepEqual(store.unnamed(''), [after]);
  });

  it('in another namespace leaves the old one', () => {
    const { store, after } = twice({ namespace: 'other' });
    assert.deepEqual(store.unnamed('shop'), []);
    assert.deepEqual(store.unnamed('other'), [after]);
  });

  it('for selected workloads applies only to workloads that name it', () => {
    const { store } = twice({ scope: 'WORKLOAD_SELECTOR' });
    assert.deepEqual(store.unnamed('shop'), []);
  });

  it('removed, it is found by nothing', () => {
    const store = new PolicyStore();
    store.insert(before);
    assert.equal(store.remove(before.key), before);
    assert.equal(store.remove(before.key), undefined);
    assert.deepEqual([store.unnamed('shop'), store.get(before.key)], [[], undefined]);
  });
});

describe('a policy that is removed', () => {
  const policy = anAuthorization({ name: 'deny', action: 'DENY' });
  const named = aWorkload({ uid: 'east//Pod/shop/a', authorizationPolicies: [policy.key] });
  const other = { ...named, uid: 'east//Pod/shop/b' };
  const free = { ...named, authorizationPolicies: [] };
  const stateWith = (...workloads: readonly (typeof named)[]) => {
    const state = new MeshState();
    state.applyAuthorizations([policy], []);
    state.applyAddresses(
      workloads.map((workload) => ({ kind: 'workload', workload })),
      [],
    );
    return state;
  };

  it('goes at once when no workload names it', () => {
    const state = stateWith(free);
    state.applyAuthorizations([], [policy.key]);
    assert.equal(state.policies.get(policy.key), undefined);
  });

  it('stays in force until the last workload has let go of it', () => {
    const state = stateWith(named, other);
    state.applyAuthorizations([], [policy.key]);
    assert.equal(state.policies.get(policy.key), policy);
    state.applyAddresses([{ kind: 'workload', workload: free }], []);
    assert.equal(state.policies.get(policy.key), policy, 'the other still names it');
    state.applyAddresses([], [other.uid]);
    assert.equal(state.policies.get(policy.key), undefined);
  });

  it('keeps a policy that is removed and comes again while a workload names it', () => {
    const state = stateWith(named);
    const again = { ...policy, rules: [[]] };
    state.applyAuthorizations([], [policy.key]);
    state.applyAuthorizations([again], []);
    state.applyAddresses([{ kind: 'workload', workload: free }], []);
    assert.equal(state.policies.get(policy.key), again);
  });

  it('goes at once when it applies without being named', () => {
    const state = stateWith(named);
    state.applyAuthorizations([{ ...policy, scope: 'GLOBAL' }], []);
    state.applyAuthorizations([], [policy.key]);
    assert.equal(state.policies.get(policy.key), undefined);
  });
});
