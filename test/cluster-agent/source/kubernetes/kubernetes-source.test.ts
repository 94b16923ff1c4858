import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { refusal } from '@isthmus/api/kube/refusal.ts';
import { graceMillis } from '@isthmus/cluster-agent/source/kubernetes/kind-conditions.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { settled } from '../../../fakes/turns.ts';
import { builtInKinds, resourceOf, SourceWorld } from './source-world.ts';

const allow = { spec: { action: 'ALLOW', rules: [{}] } };
const denyGet = { spec: { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['x'] } }] }] } };
const broken = { spec: { action: 'DENY', rules: [{ from: [{ source: { namespaces: 'x' } }] }] } };

describe('the Kubernetes API as the source of a cluster', () => {
  let world: SourceWorld;
  afterEach(() => world.stop());

  it('is synced once each kind has been listed, in one batch after its objects', async () => {
    world = new SourceWorld();
    world.put('Service', 'cart', { spec: { ports: [{ port: 80 }] } });
    const failure = new ApiFailure('API_ERROR', 'not now', { status: 500 });
    world.server.fail('list', 'pods', failure, failure);
    await world.start();
    assert.equal(world.view.synced, false);
    assert.deepEqual(world.source.unlisted, ['Pod']);
    assert.ok(world.view.get('Service', 'shop', 'cart'));
    await world.clock.advance(1000);
    await settled();
    assert.equal(world.view.synced, true);
    assert.deepEqual(world.source.unlisted, []);
    assert.equal(world.batches.flat().filter(({ type }) => type === 'synced').length, 1);
  });

  it('is synced without the kinds whose CRDs are missing, and follows them within 5 s of their appearing', async () => {
    world = await new SourceWorld(builtInKinds).start();
    assert.equal(world.view.synced, true);
    assert.deepEqual(world.reasons, []);
    world.server.addKind(resourceOf('AuthorizationPolicy'));
    world.put('AuthorizationPolicy', 'deny', denyGet);
    await world.clock.advance(4000);
    await settled();
    assert.ok(world.view.get('AuthorizationPolicy', 'shop', 'deny'));
  });

  it('reads older versions of kinds whose newest the server lacks', async () => {
    world = await new SourceWorld(
      watched.map(({ resource, olderVersions }) => ({
        ...resource,
        version: olderVersions[0] ?? resource.version,
      })),
    ).start();
    const { resource, olderVersions } = watched.find((one) => one.resource.kind === 'AuthorizationPolicy')!;
    world.server.put(
      { ...resource, version: olderVersions[0]! },
      { metadata: { namespace: 'shop', name: 'deny' }, ...denyGet },
    );
    await settled();
    assert.ok(world.view.get('AuthorizationPolicy', 'shop', 'deny'));
    assert.ok(world.view.synced);
  });

  it('never asks for all Secrets or ConfigMaps', async () => {
    world = await new SourceWorld().start();
    const asked = world.server.calls.map(({ of }) => (typeof of === 'string' ? of : of.plural));
    assert.ok(!asked.includes('secrets') && !asked.includes('configmaps'));
    assert.deepEqual([...new Set(asked)].sort(), watched.map(({ resource }) => resource.plural).sort());
  });

  it('brings what comes within one turn as one batch', async () => {
    world = await new SourceWorld().start();
    const before = world.batches.length;
    for (let i = 0; i < 10; i++) world.put('Service', `s-${i}`, { spec: { ports: [{ port: 80 }] } });
    world.put('Service', 's-0', { spec: { ports: [{ port: 81 }] } });
    await settled();
    assert.ok(world.batches.length - before <= 2, `${world.batches.length - before} batches`);
    const ports = world.view.get('Service', 'shop', 's-0')?.ports.map(({ port }) => port);
    assert.deepEqual(ports, [81]);
  });

  it('follows a label that changes fifty times, to its last value', async () => {
    world = await new SourceWorld().start();
    for (let i = 1; i <= 50; i++) {
      world.put(
        'Pod',
        'cart-1',
        { spec: { containers: [{ name: 'app' }], nodeName: 'n' } },
        { labels: { turn: String(i) } },
      );
      await settled();
    }
    assert.equal(world.view.get('Pod', 'shop', 'cart-1')?.metadata.labels['turn'], '50');
  });

  it('removes what is deleted, with what was rejected of it', async () => {
    world = await new SourceWorld().start();
    world.put('AuthorizationPolicy', 'bad', broken);
    await settled();
    assert.equal(world.view.rejections.size, 2);
    world.server.delete(resourceOf('AuthorizationPolicy'), 'shop', 'bad');
    await settled();
    assert.equal(world.view.rejections.size, 0);
    assert.equal(world.view.get('AuthorizationPolicy', 'shop', 'bad'), undefined);
  });

  it('keeps no raw object', async () => {
    world = await new SourceWorld().start();
    world.put(
      'Pod',
      'cart-1',
      { spec: { containers: [{ name: 'app' }], nodeName: 'n', volumes: [{ name: 'unused' }] } },
      { managedFields: [] },
    );
    await settled();
    assert.doesNotMatch(
      JSON.stringify(world.view.get('Pod', 'shop', 'cart-1')),
      /unused|managedFields|resourceVersion/,
    );
  });

  describe('with an object that is refused', () => {
    beforeEach(async () => {
      world = await new SourceWorld().start();
    });
    const codes = () => [...world.view.rejections].map(({ code, object }) => `${code} ${object}`);

    it('goes on with the others, and names object and field', async () => {
      world.put('Service', 'bad', { spec: { ports: [{ port: 99_999 }] } });
      world.put('Service', 'good', { spec: { ports: [{ port: 80 }] } });
      await settled();
      const [rejection] = world.view.rejections;
      assert.equal(rejection?.object, 'Service shop/bad');
      assert.equal(rejection.field, 'spec.ports[0].port');
      assert.ok(world.view.get('Service', 'shop', 'good'));
      assert.equal(world.view.get('Service', 'shop', 'bad'), undefined);
    });

    it('keeps its last good form, and forgets the refusal when it is good again', async () => {
      world.put('AuthorizationPolicy', 'p', denyGet);
      await settled();
      const good = world.view.get('AuthorizationPolicy', 'shop', 'p');
      world.put('AuthorizationPolicy', 'p', broken);
      await settled();
      assert.deepEqual(world.view.get('AuthorizationPolicy', 'shop', 'p'), good);
      assert.equal(codes().length, 1);
      world.put('AuthorizationPolicy', 'p', allow);
      await settled();
      assert.equal(world.view.get('AuthorizationPolicy', 'shop', 'p')?.action, 'ALLOW');
      assert.ok(!codes().some((code) => code.startsWith('INVALID')), codes().join());
    });

    it('puts in force what denies at least as much, for a security policy that never was good', async () => {
      world.put('AuthorizationPolicy', 'p', broken);
      await settled();
      const standIn = world.view.get('AuthorizationPolicy', 'shop', 'p');
      assert.equal(standIn?.action, 'DENY');
      assert.ok(codes().includes('REFUSED_POLICY_CLOSES AuthorizationPolicy shop/p'), codes().join());
      world.put('PeerAuthentication', 'm', { spec: { mtls: { mode: 'NONSENSE' } } });
      await settled();
      assert.equal(world.view.get('PeerAuthentication', 'shop', 'm')?.mode, 'STRICT');
      world.put('AuthorizationPolicy', 'p', denyGet);
      await settled();
      assert.ok(!codes().some((code) => code.endsWith('shop/p')), codes().join());
    });

    it('survives a list after 410 with the good form', async () => {
      world.put('AuthorizationPolicy', 'p', denyGet);
      await settled();
      world.put('AuthorizationPolicy', 'p', broken);
      await settled();
      const kept = world.view.get('AuthorizationPolicy', 'shop', 'p');
      world.server.closeWatches(undefined, new ApiFailure('API_GONE', 'forgotten', { status: 410 }));
      await settled();
      await world.clock.advance(30_000);
      await settled();
      assert.deepEqual(world.view.get('AuthorizationPolicy', 'shop', 'p'), kept);
    });
  });

  describe('says what is degraded', () => {
    beforeEach(async () => {
      world = await new SourceWorld().start();
      world.put('AuthorizationPolicy', 'p', denyGet);
      await settled();
    });
    const isForbidden = (plural: string, verb: 'list' | 'watch') => {
      world.server.before = (call) =>
        call.verb === verb && typeof call.of !== 'string' && call.of.plural === plural
          ? refusal(call, { status: 403, message: 'forbidden' })
          : undefined;
    };

    it('a verb that the role lacks, with the kind and the remedy; the rest works', async () => {
      isForbidden('authorizationpolicies', 'watch');
      await world.clock.advance(1000);
      world.server.closeWatches();
      await settled();
      const [condition, ...others] = world.source.conditions();
      assert.equal(others.length, 0);
      assert.equal(condition?.reason, 'KIND_FORBIDDEN');
      assert.match(
        condition.message,
        /AuthorizationPolicy objects are not read: watch of authorizationpolicies\.security/,
      );
      assert.match(condition.message, /stays in force/);
      assert.match(
        condition.remedy,
        /list and watch on authorizationpolicies of the group security\.istio\.io/,
      );
      assert.ok(world.view.get('AuthorizationPolicy', 'shop', 'p'), 'still in force');
      world.put('Service', 'cart', { spec: { ports: [{ port: 80 }] } });
      await settled();
      assert.ok(world.view.get('Service', 'shop', 'cart'));
      world.server.before = () => undefined;
      await world.clock.advance(30_000);
      await settled();
      assert.deepEqual(world.reasons, []);
    });

    it('an API server that is away for more than 5 s, in one condition for all kinds', async () => {
      const away = new ApiFailure('API_UNREACHABLE', 'list of pods got no answer: ECONNREFUSED');
      world.server.before = () => away;
      await world.clock.advance(1000);
      world.server.closeWatches(undefined, away);
      await settled();
      await world.clock.advance(graceMillis - 1);
      assert.deepEqual(world.reasons, []);
      await world.clock.advance(1);
      const [condition, ...others] = world.source.conditions();
      assert.equal(others.length, 0);
      assert.equal(condition?.reason, 'API_SERVER_UNAVAILABLE');
      assert.match(condition.message, /Pod.*ECONNREFUSED.*stays in force/);
      await world.clock.advance(60_000);
      assert.ok(world.view.get('AuthorizationPolicy', 'shop', 'p'), 'still in force');
      world.server.before = () => undefined;
      await world.clock.advance(30_000);
      await settled();
      assert.deepEqual(world.reasons, []);
    });

    it('objects without a name', async () => {
      world.server.send(resourceOf('Pod'), { type: 'ADDED', object: {} });
      await settled();
      assert.deepEqual(world.reasons, ['OBJECTS_WITHOUT_NAME']);
    });
  });

  describe('with a role that lacks the verb list of a kind when the agent starts', () => {
    const startWithout = async (plural: string) => {
      world = new SourceWorld();
      world.put('Service', 'cart', { spec: { ports: [{ port: 80 }] } });
      world.server.before = (call) =>
        call.verb === 'list' && typeof call.of !== 'string' && call.of.plural === plural
          ? refusal(call, { status: 403, message: 'forbidden' })
          : undefined;
      await world.start();
    };
    const message = () => world.source.conditions()[0]?.message ?? '';

    for (const plural of ['pods', 'authorizationpolicies', 'peerauthentications'])
      it(`is never synced without ${plural}: what was served would be wrong or open`, async () => {
        await startWithout(plural);
        await world.clock.advance(600_000);
        await settled();
        assert.equal(world.view.synced, false);
        assert.match(message(), /Nothing is served before they have been listed/);
        world.server.before = () => undefined;
        await world.clock.advance(30_000);
        await settled();
        assert.ok(world.view.synced);
      });

    for (const plural of [
      ...['serviceentries', 'workloadentries', 'gateways', 'gatewayclasses', 'serviceexports'],
    ])
      it(`is synced without ${plural} after 3 to 6 s, names the verb, and reads them once it may`, async () => {
        await startWithout(plural);
        await world.clock.advance(2500);
        await settled();
        assert.equal(world.view.synced, false, 'a server that starts refuses too');
        await world.clock.advance(4000);
        await settled();
        assert.ok(world.view.synced);
        assert.ok(world.view.get('Service', 'shop', 'cart'));
        assert.deepEqual(world.reasons, ['KIND_FORBIDDEN']);
        assert.match(message(), new RegExp(`list of ${plural}.*The rest is served as if there were none`));
        world.server.before = () => undefined;
        await world.clock.advance(30_000);
        await settled();
        assert.deepEqual(world.reasons, []);
      });
  });
});
