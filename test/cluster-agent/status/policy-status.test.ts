import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { aNamespace, aPod, aPolicy, WritesWorld } from './writes-world.ts';

describe('the status of the cluster’s security policies', () => {
  let world: WritesWorld;
  beforeEach(() => {
    world = new WritesWorld();
    world.put('Namespace', aNamespace('shop'));
    world.put('Pod', aPod('cart'));
  });
  const ofPolicy = (name = 'p') => world.conditions('AuthorizationPolicy', 'shop', name);
  const wellEnforced = ['ZtunnelAccepted True Accepted', 'isthmus.io/Enforced True Enforced'];

  it('says that a policy is enforced once the proxy of each workload has acknowledged it', async () => {
    world.acknowledged = new Set(['east//Pod/shop/cart']);
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(100);
    assert.deepEqual(ofPolicy(), ['ZtunnelAccepted True Accepted', 'isthmus.io/Enforced False Pending']);
    world.answer('authorization', 'shop/p');
    await world.clock.advance(1000);
    assert.deepEqual(ofPolicy(), wellEnforced);
    const [, enforced] = world.written('AuthorizationPolicy', 'shop', 'p');
    assert.equal(enforced?.observedGeneration, 1);
  });

  it('writes one object for a change of one policy, and nothing when nothing has changed', async () => {
    for (let i = 0; i < 20; i++) world.put('AuthorizationPolicy', aPolicy(`p${i}`, { rules: [{}] }));
    world.open();
    await world.clock.advance(5000);
    assert.equal(world.patched.length, 20);
    world.put('AuthorizationPolicy', aPolicy('p7', { rules: [{}], action: 'DENY' }, 'shop', 2));
    world.put('Pod', aPod('orders'));
    await world.clock.advance(5000);
    assert.deepEqual(world.patched.slice(20), ['patch authorizationpolicies/status shop/p7']);
    assert.equal(world.written('AuthorizationPolicy', 'shop', 'p7')[0]?.observedGeneration, 2);
  });

  it('says of a refused policy what is wrong, while another one stands in for it', async () => {
    world.put('AuthorizationPolicy', aPolicy('p', { rulez: [] }));
    world.open();
    await world.clock.advance(100);
    assert.deepEqual(ofPolicy(), ['ZtunnelAccepted False Invalid', 'isthmus.io/Enforced False Invalid']);
    const [accepted] = world.written('AuthorizationPolicy', 'shop', 'p');
    assert.match(accepted?.message ?? '', /rulez/);
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }, 'shop', 2));
    await world.clock.advance(1000);
    assert.deepEqual(ofPolicy(), wellEnforced);
  });

  it('says of an edit that is refused that it is this edit, though the last good form is in force', async () => {
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(2000);
    // The third edit is refused for the same reason as the second one.
    for (const generation of [2, 3]) {
      world.put('AuthorizationPolicy', aPolicy('p', { rulez: [generation] }, 'shop', generation));
      await world.clock.advance(2000);
      assert.deepEqual(ofPolicy(), ['ZtunnelAccepted False Invalid', 'isthmus.io/Enforced False Invalid']);
      const [accepted] = world.written('AuthorizationPolicy', 'shop', 'p');
      assert.equal(accepted?.observedGeneration, generation);
    }
    const { length } = world.patched;
    world.put('AuthorizationPolicy', {
      ...aPolicy('p', { rulez: [3] }, 'shop', 3),
      status: world.find('AuthorizationPolicy', 'shop', 'p')?.['status'],
    });
    await world.clock.advance(2000);
    assert.equal(world.patched.length, length);
  });

  it('names the proxy that refuses it', async () => {
    world.refused = 'shop/p';
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(100);
    assert.deepEqual(ofPolicy()[1], 'isthmus.io/Enforced False RefusedByProxy');
  });

  it('does not claim that a policy is in force, or is not, at proxies that are not connected', async () => {
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(2000);
    assert.deepEqual(ofPolicy(), wellEnforced);
    for (const stream of ['CLOSING', 'LOST', 'AWAY'] as const) {
      world.connect(stream);
      await world.clock.advance(2000);
      const [, { status, reason, message } = {}] = world.written('AuthorizationPolicy', 'shop', 'p');
      assert.deepEqual([stream, status, reason], [stream, 'Unknown', 'ProxyNotConnected']);
      assert.match(message ?? '', /^it is not known for 1 of 1 workloads: shop\/cart \(/);
      const why = stream === 'AWAY' ? /z1 is not connected/ : /lost its connection/;
      assert.match(message ?? '', why);
    }
    world.connect('OPEN');
    await world.clock.advance(2000);
    assert.deepEqual(ofPolicy(), wellEnforced);
  });

  it('says that a policy is not in force where one proxy lacks it, whatever is known of the others', async () => {
    world.acknowledged = new Set(['east//Pod/shop/cart']);
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(2000);
    assert.equal(ofPolicy()[1], 'isthmus.io/Enforced False Pending');
  });

  it('says of a PeerAuthentication whether it holds, and of those that another one stands before that they need nothing', async () => {
    const strict = { mtls: { mode: 'STRICT' } };
    world.put('PeerAuthentication', aPolicy('mesh', strict, 'istio-system'));
    world.put('PeerAuthentication', aPolicy('ns', strict));
    world.put(
      'PeerAuthentication',
      aPolicy('cart', { ...strict, selector: { matchLabels: { app: 'cart' } } }),
    );
    world.open();
    await world.clock.advance(2000);
    const ofPeer = (name: string, namespace = 'shop') =>
      world.conditions('PeerAuthentication', namespace, name)[1];
    assert.equal(ofPeer('cart'), 'isthmus.io/Enforced True Enforced');
    assert.equal(ofPeer('ns'), 'isthmus.io/Enforced True NoWorkload');
    assert.equal(ofPeer('mesh', 'istio-system'), 'isthmus.io/Enforced True NoWorkload');
    world.remove('PeerAuthentication', aPolicy('cart'));
    await world.clock.advance(2000);
    assert.equal(ofPeer('ns'), 'isthmus.io/Enforced True Enforced');
  });

  it('follows a policy of the root namespace over all namespaces', async () => {
    world.put('Namespace', aNamespace('bank'));
    world.put('Pod', aPod('vault', 'bank'));
    world.acknowledged = new Set(['istio-system/all', 'east//Pod/shop/cart']);
    world.put('AuthorizationPolicy', aPolicy('all', { rules: [{}] }, 'istio-system'));
    world.open();
    await world.clock.advance(2000);
    const of = () => world.written('AuthorizationPolicy', 'istio-system', 'all')[1];
    assert.match(of()?.message ?? '', /^not enforced for 1 of 2 workloads: bank\/vault/);
    world.answer('address', 'east//Pod/bank/vault');
    await world.clock.advance(2000);
    assert.equal(of()?.status, 'True');
  });

  it('writes nothing while this replica does not lead, and all that differs once it does', async () => {
    world.leads = false;
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(5000);
    assert.deepEqual(world.api.calls, []);
    world.lead(true);
    await world.clock.advance(1000);
    assert.deepEqual(ofPolicy(), wellEnforced);
    world.lead(false);
    world.put('AuthorizationPolicy', aPolicy('q', { rules: [{}] }));
    await world.clock.advance(5000);
    assert.deepEqual(ofPolicy('q'), []);
    world.lead(true);
    await world.clock.advance(1000);
    assert.deepEqual(world.patched, [
      'patch authorizationpolicies/status shop/p',
      'patch authorizationpolicies/status shop/q',
    ]);
  });

  it('keeps what others have in the list, and reads again what they change meanwhile', async () => {
    const other = {
      type: 'WaypointAccepted',
      status: 'True',
      reason: 'x',
      message: '',
      lastTransitionTime: 'y',
    };
    world.put('AuthorizationPolicy', {
      ...aPolicy('p', { rules: [{}] }),
      status: { conditions: [other] },
    });
    world.api.fail(
      'patch',
      'authorizationpolicies',
      new ApiFailure('API_CONFLICT', 'changed', { status: 409 }),
    );
    world.open();
    await world.clock.advance(2000);
    assert.deepEqual(ofPolicy(), ['WaypointAccepted True x', ...wellEnforced]);
  });

  it('names an object that others write all the time, from the seventh conflict in a row until it is written', async () => {
    const changed = new ApiFailure('API_CONFLICT', 'patch of shop/p was answered with 409', { status: 409 });
    for (let i = 0; i < 7; i++) world.api.fail('patch', 'authorizationpolicies', changed);
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(12_000);
    assert.deepEqual(world.writes.conditions(), []);
    await world.clock.advance(1000);
    const [condition] = world.writes.conditions();
    assert.equal(condition?.reason, 'WRITE_FAILED');
    assert.match(condition.message, /shop\/p was answered with 409/);
    assert.match(condition.remedy, /managedFields/);
    await world.clock.advance(26_000);
    assert.deepEqual(world.writes.conditions(), []);
    assert.deepEqual(ofPolicy(), wellEnforced);
  });

  it('names the verb that the role lacks, until it has it', async () => {
    const refused = new ApiFailure(
      'API_FORBIDDEN',
      'give the role the verb patch on authorizationpolicies/status',
      {
        status: 403,
      },
    );
    world.api.fail('patch', 'authorizationpolicies', refused);
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    await world.clock.advance(500);
    const [condition] = world.writes.conditions();
    assert.equal(condition?.reason, 'WRITE_FORBIDDEN');
    assert.match(condition.message, /the verb patch on authorizationpolicies\/status/);
    await world.clock.advance(2000);
    assert.deepEqual(world.writes.conditions(), []);
    assert.deepEqual(ofPolicy(), wellEnforced);
  });

  it('forgets a policy that is gone, and one whose kind the server does not have', async () => {
    world.put('AuthorizationPolicy', aPolicy('p', { rules: [{}] }));
    world.open();
    world.remove('AuthorizationPolicy', aPolicy('p'));
    world.api.serve('/apis/security.istio.io', { versions: [] });
    world.put('PeerAuthentication', aPolicy('q', { mtls: { mode: 'STRICT' } }));
    await world.clock.advance(3000);
    assert.deepEqual(world.patched, []);
    assert.deepEqual(world.writes.conditions(), []);
  });
});
