import assert from 'node:assert/strict';
import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import { verdictFor } from '@isthmus/mesh/rbac/policies-for.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { applyDelta } from '@isthmus/ztunnel/engine/apply.ts';
import { aMatch, anAuthorization, aWorkload } from '../../fakes/records.ts';

const cart = aWorkload({ uid: 'cart' });
const pay = aWorkload({ uid: 'pay', namespace: 'bank' });

describe('a policy that a proxy cannot read', () => {
  let state: MeshState;
  beforeEach(() => {
    state = new MeshState();
    state.applyAddresses(
      [cart, pay].map((workload) => ({ kind: 'workload', workload })),
      [],
    );
  });
  const apply = (name: string, body: Uint8Array | undefined) =>
    applyDelta(state, new IssuerTable(), {
      kind: 'delta',
      type: typeUrls.authorization,
      resources: body ? [{ name, body }] : [],
      removed: body ? [] : [name],
    }).rejected;
  const unreadable = (over: Partial<Authorization> = {}) =>
    encodeAuthorization(
      anAuthorization({ name: 'x', scope: 'NAMESPACE', action: 'DENY', rules: [[]], ...over }),
    ).map((byte, i, all) => (all[i - 1] === 0x20 && byte === 1 ? 9 : byte));
  const lets = (workload = cart, port = 80) =>
    verdictFor(
      state.policies.applicable(workload),
      seen({
        source: { address: '10.0.0.9', identity: undefined },
        destination: { address: '10.0.0.1', port, workload },
      }),
    ).allowed;

  it('of a namespace closes the namespace, is refused by name, and leaves others open', () => {
    assert.ok(lets());
    const [first] = apply('shop/x', unreadable());
    assert.equal(first?.name, 'shop/x');
    assert.match(first.reason, /^action: 9/);
    assert.equal(first.isCovered, true);
    assert.deepEqual([lets(cart), lets(pay)], [false, true]);
  });

  it('and of which not even the namespace can be read is not covered', () =>
    assert.equal(apply('x', Uint8Array.of(10, 99))[0]?.isCovered, false));

  it('and that is a dry run is covered: a starting proxy is ready, and lets in as before', () => {
    assert.equal(apply('shop/x', unreadable({ dryRun: true }))[0]?.isCovered, true);
    assert.ok(lets());
  });

  it('of the mesh closes the mesh', () => {
    apply('istio-system/x', unreadable({ scope: 'GLOBAL', namespace: 'istio-system' }));
    assert.deepEqual([lets(cart), lets(pay)], [false, false]);
  });

  it('of selected workloads closes those that name it', () => {
    const named = { ...cart, authorizationPolicies: ['shop/x'] };
    state.applyAddresses([{ kind: 'workload', workload: named }], []);
    apply('shop/x', unreadable({ scope: 'WORKLOAD_SELECTOR' }));
    assert.deepEqual([lets(named), lets(pay)], [false, true]);
  });

  it('of which an earlier version was read leaves that in force', () => {
    const readable = anAuthorization({
      name: 'x',
      scope: 'NAMESPACE',
      action: 'DENY',
      rules: [[[aMatch({ destinationPorts: [81] })]]],
    });
    apply('shop/x', encodeAuthorization(readable));
    apply('shop/x', unreadable());
    assert.deepEqual([lets(cart, 80), lets(cart, 81)], [true, false]);
  });

  it('opens again once it can be read, or is gone', () => {
    apply('shop/x', unreadable());
    apply('shop/x', encodeAuthorization(anAuthorization({ name: 'x', scope: 'NAMESPACE', rules: [[]] })));
    assert.ok(lets());
    apply('shop/y', unreadable({ name: 'y' }));
    assert.ok(!lets());
    apply('shop/y', undefined);
    assert.ok(lets());
  });

  it('in a later version that cannot be read either is closed for what that one is for', () => {
    apply('shop/x', unreadable());
    apply('shop/x', unreadable({ namespace: 'bank' }));
    assert.deepEqual([lets(cart), lets(pay)], [true, false]);
  });
});
