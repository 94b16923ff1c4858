import assert from 'node:assert/strict';
import { policyOrder } from '@isthmus/api/domain/question.ts';
import { answerPolicies } from '@isthmus/cluster-agent/answers/policies-answer.ts';
import { aNamespace, aPod, aPolicy, WritesWorld } from '../status/writes-world.ts';

describe('the answer to which security policies a cluster has', () => {
  let world: WritesWorld;
  beforeEach(() => {
    world = new WritesWorld();
    world.put('Namespace', aNamespace('shop'));
    world.put('Pod', aPod('cart'));
  });
  const answer = (asked: { namespace?: string; first?: number; after?: string } = {}) =>
    answerPolicies(world, { kind: 'policies', namespace: '', first: 10, after: '', ...asked });
  const shown = (asked = {}) =>
    answer(asked).policies.map(
      ({ kind, namespace, name, action, accepted, enforced }) =>
        `${kind} ${namespace}/${name} ${action}: ${accepted.reason}, ${enforced.status} ${enforced.reason}`,
    );

  it('says of each what its status says, by kind, namespace and name', () => {
    world.acknowledged = new Set(['east//Pod/shop/cart', 'shop/b']);
    world.put('PeerAuthentication', aPolicy('strict', { mtls: { mode: 'STRICT' } }));
    for (const name of ['b', 'a']) world.put('AuthorizationPolicy', aPolicy(name, { rules: [{}] }));
    world.open();
    assert.deepEqual(shown(), [
      'AuthorizationPolicy shop/a ALLOW: Accepted, False Pending',
      'AuthorizationPolicy shop/b ALLOW: Accepted, True Enforced',
      'PeerAuthentication shop/strict STRICT: Accepted, False Pending',
    ]);
  });

  it('lists those that are refused from the start, with what stands in for one', () => {
    world.put('AuthorizationPolicy', aPolicy('odd', { rulez: [] }));
    world.put('PeerAuthentication', aPolicy('odd', { mtls: { mode: 'SOME' } }));
    world.open();
    assert.deepEqual(shown(), [
      'AuthorizationPolicy shop/odd ALLOW: Invalid, False Invalid',
      'PeerAuthentication shop/odd STRICT: Invalid, False Invalid',
    ]);
  });

  it('shows the labels that it selects by', () => {
    world.put(
      'AuthorizationPolicy',
      aPolicy('p', { selector: { matchLabels: { app: 'cart' } }, rules: [{}] }),
    );
    world.open();
    assert.deepEqual(answer().policies[0]?.selector, { app: 'cart' });
  });

  it('lists those of one namespace', () => {
    world.put('Namespace', aNamespace('other'));
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }, 'other'));
    world.open();
    assert.deepEqual(shown({ namespace: 'other' }), [
      'AuthorizationPolicy other/p ALLOW: Accepted, True NoWorkload',
    ]);
  });

  it('gives each once, page by page, with the number of all', () => {
    for (let i = 0; i < 5; i++) world.put('AuthorizationPolicy', aPolicy(`p${i}`, { rules: [{}] }));
    world.open();
    const names: string[] = [];
    let after = '';
    for (const [length, hasNext] of [
      [2, true],
      [2, true],
      [1, false],
    ] as const) {
      const page = answer({ first: 2, after });
      assert.deepEqual([page.policies.length, page.hasNext, page.total], [length, hasNext, 5]);
      names.push(...page.policies.map(({ name }) => name));
      const last = page.policies.at(-1);
      after = last ? policyOrder(last) : '';
    }
    assert.deepEqual(names, ['p0', 'p1', 'p2', 'p3', 'p4']);
  });
});
