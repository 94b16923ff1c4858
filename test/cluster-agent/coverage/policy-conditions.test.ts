import assert from 'node:assert/strict';
import { policyConditions, type PolicyState } from '@isthmus/cluster-agent/coverage/policy-conditions.ts';

const everywhere = { selected: 2, outside: 0, refused: undefined, open: '', isUnknown: false };
const said = (over: Partial<PolicyState>) =>
  policyConditions({
    rejections: [],
    isDryRun: false,
    hasSelector: false,
    progress: everywhere,
    ...over,
  }).map(({ type, status, reason, message }) => [`${type} ${status} ${reason}`, message] as const);
const shown = (over: Partial<PolicyState>) => said(over).map(([one]) => one);

const refusal = { severity: 'ERROR', field: 'spec.action', message: 'is no action' } as const;
const stricter = {
  severity: 'WARNING',
  field: 'spec.rules[0]',
  message: 'is stricter than written',
} as const;

describe('the conditions of a security policy', () => {
  it('are true when every proxy that has to enforce it has acknowledged it', () => {
    assert.deepEqual(shown({}), ['ZtunnelAccepted True Accepted', 'isthmus.io/Enforced True Enforced']);
  });

  it('name where it is not enforced, and why', () => {
    const open = '1 of 2 workloads: shop/cart-1 (its proxy has not acknowledged the policy)';
    assert.deepEqual(said({ progress: { ...everywhere, open } })[1], [
      'isthmus.io/Enforced False Pending',
      `not enforced for ${open}`,
    ]);
    assert.deepEqual(shown({ progress: 'IN_PROGRESS' })[1], 'isthmus.io/Enforced False Pending');
  });

  it('say that it is not in force when it was refused, and what of it cannot be read', () => {
    assert.deepEqual(said({ rejections: [refusal] }), [
      ['ZtunnelAccepted False Invalid', 'spec.action: is no action'],
      [
        'isthmus.io/Enforced False Invalid',
        'this edit of the policy is refused and is not in force: ZtunnelAccepted says why',
      ],
    ]);
  });

  it('say that it is accepted with parts that are enforced more strictly than written', () => {
    assert.deepEqual(said({ rejections: [stricter] })[0], [
      'ZtunnelAccepted True UnsupportedValue',
      'spec.rules[0]: is stricter than written',
    ]);
    assert.equal(shown({ rejections: [stricter] })[1], 'isthmus.io/Enforced True Enforced');
  });

  it('say that no L4 proxy enforces one that is for a target, or audits', () => {
    assert.deepEqual(shown({ rejections: [stricter], progress: undefined }), [
      'ZtunnelAccepted False UnsupportedValue',
      'isthmus.io/Enforced False NotAtL4',
    ]);
  });

  it('name the proxy that refuses it', () => {
    const refused = { proxy: 'ztunnel/istio-system/z1', why: 'it is odd' };
    const [, [what, message]] = said({ progress: { ...everywhere, refused } }) as [unknown, [string, string]];
    assert.equal(what, 'isthmus.io/Enforced False RefusedByProxy');
    assert.match(message, /^ztunnel\/istio-system\/z1 refuses it: it is odd/);
  });

  it('say that a dry run enforces nothing', () => {
    assert.equal(shown({ isDryRun: true })[1], 'isthmus.io/Enforced False DryRun');
  });

  it('are false where a policy selects a workload by its labels that is outside of the mesh', () => {
    assert.deepEqual(said({ hasSelector: true, progress: { ...everywhere, outside: 1 } })[1], [
      'isthmus.io/Enforced False OutsideTheMesh',
      'no proxy serves some of the workloads that it selects: add them to the mesh (label istio.io/dataplane-mode=ambient)',
    ]);
  });

  it('of a whole namespace do not wait for workloads outside of the mesh, unless there are no others', () => {
    assert.equal(shown({ progress: { ...everywhere, outside: 5 } })[1], 'isthmus.io/Enforced True Enforced');
    assert.equal(
      shown({ progress: { ...everywhere, selected: 0, outside: 5 } })[1],
      'isthmus.io/Enforced False OutsideTheMesh',
    );
    assert.equal(
      shown({ progress: { ...everywhere, selected: 0 } })[1],
      'isthmus.io/Enforced True NoWorkload',
    );
  });

  it('name five complaints, and count the rest', () => {
    for (const count of [4, 5, 6]) {
      const rejections = Array.from({ length: count }, (_, i) => ({
        ...stricter,
        field: '',
        message: `m${i}`,
      }));
      const [[, message]] = said({ rejections }) as [[string, string]];
      assert.equal(message.split('; ').length, Math.min(count, 6));
      assert.equal(message.endsWith('and 1 more'), count === 6);
    }
  });
});
