import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { EventBook, maxEvents, type Noted } from '@isthmus/cluster-agent/status/event-book.ts';
import { aNamespace, aPod, aPolicy, WritesWorld } from './writes-world.ts';

const wrong = { rulez: [] };
const right = { rules: [{}] };

describe('the Events that an agent writes', () => {
  let world: WritesWorld;
  beforeEach(() => {
    world = new WritesWorld();
    world.put('Namespace', aNamespace('shop'));
    world.put('Pod', aPod('cart'));
  });
  const shown = () => world.events().map(([one]) => one);
  const edit = async (spec: object, generation: number) => {
    world.put('AuthorizationPolicy', aPolicy('p', spec, 'shop', generation));
    await world.clock.advance(3000);
  };

  it('say that a policy is refused, once for each such edit, in one Event that counts', async () => {
    world.open();
    await edit(right, 1);
    assert.deepEqual(shown(), []);
    await edit(wrong, 2);
    const [[one, message] = []] = world.events();
    assert.equal(one, 'AuthorizationPolicy p Invalid 1');
    assert.match(message ?? '', /^it is refused, and this edit is not in force: .*rulez/);
    world.put('Pod', aPod('orders'));
    await world.clock.advance(60_000);
    assert.deepEqual(shown(), ['AuthorizationPolicy p Invalid 1']);
    await edit({ roles: [] }, 3);
    assert.deepEqual(shown(), ['AuthorizationPolicy p Invalid 2']);
  });

  it('name the proxy that refuses a policy', async () => {
    world.refused = 'shop/p';
    world.open();
    await edit(right, 1);
    const [[one, message] = []] = world.events();
    assert.equal(one, 'AuthorizationPolicy p RefusedByProxy 1');
    assert.match(message ?? '', /ztunnel\/istio-system\/z1 refuses it: it is odd/);
  });

  it('say nothing of what comes right by itself: a policy that is being sent, or a proxy that is away', async () => {
    world.acknowledged = new Set();
    world.open();
    await edit(right, 1);
    world.connect('AWAY');
    await world.clock.advance(3000);
    assert.equal(world.conditions('AuthorizationPolicy', 'shop', 'p')[1]?.includes('Unknown'), true);
    assert.deepEqual(shown(), []);
  });

  it('say why a Service or a ServiceExport is not exported', async () => {
    const labels = { 'istio.io/global': 'true' };
    const spec = { type: 'ExternalName', externalName: 'example.com' };
    world.put('Service', { metadata: { name: 'out', namespace: 'shop', labels }, spec });
    world.put('ServiceExport', { metadata: { name: 'none', namespace: 'shop' } });
    world.open();
    await world.clock.advance(3000);
    assert.deepEqual([...shown()].sort(), [
      'Service out InvalidServiceType 1',
      'ServiceExport none NoService 1',
    ]);
  });

  it('are written by the leader alone, and not again by the next one', async () => {
    world.leads = false;
    world.open();
    await edit(wrong, 1);
    assert.deepEqual(shown(), []);
    world.lead(true);
    await world.clock.advance(3000);
    world.lead(false);
    world.lead(true);
    await world.clock.advance(3000);
    assert.deepEqual(shown(), ['AuthorizationPolicy p Invalid 1']);
  });

  it('that the role forbids are a condition, and written once it allows them', async () => {
    world.api.fail('patch', 'events', new ApiFailure('API_FORBIDDEN', 'no patch on events', { status: 403 }));
    world.open();
    world.put('AuthorizationPolicy', aPolicy('p', wrong));
    await world.clock.advance(500);
    assert.deepEqual(
      world.writes.conditions().map(({ reason }) => reason),
      ['WRITE_FORBIDDEN'],
    );
    await world.clock.advance(3000);
    assert.deepEqual([shown(), world.writes.conditions()], [['AuthorizationPolicy p Invalid 1'], []]);
  });
});

describe('the book of Events', () => {
  const noted = (name: string, reason = 'Invalid'): Noted => ({
    target: { kind: 'AuthorizationPolicy', namespace: 'shop', name },
    apiVersion: 'security.istio.io/v1',
    uid: `uid of ${name}`,
    note: { reason, message: 'it is odd' },
  });
  const objectOf = (book: EventBook, name: string) => {
    const target = book.add(noted(name), 0);
    const [write] = target ? (book.statementOf(target)?.writes(undefined, 'v1') ?? []) : [];
    return write?.how === 'APPLY'
      ? (write.object as { metadata: { name: string }; count: number })
      : undefined;
  };

  for (const count of [maxEvents - 1, maxEvents, maxEvents + 1])
    it(`has room for ${Math.min(count, maxEvents)} of ${count}, and counts those that it has`, () => {
      const book = new EventBook();
      const taken = Array.from({ length: count }, (_, i) => book.add(noted(`p${i}`), 0));
      assert.equal(taken.filter((one) => one !== undefined).length, Math.min(count, maxEvents));
      assert.notEqual(book.add(noted('p0'), 0), undefined);
      assert.equal(book.size, Math.min(count, maxEvents));
    });

  it('keeps what comes while an Event is written, and forgets what was', () => {
    const book = new EventBook();
    const event = book.add(noted('p'), 0)!;
    const statement = book.statementOf(event);
    book.add(noted('p'), 1);
    statement?.written?.();
    assert.equal(book.size, 1);
    book.statementOf(event)?.written?.();
    assert.deepEqual([book.size, book.statementOf(event)], [0, undefined]);
  });

  it('gives an Event a name that the API takes, one for each object and reason', () => {
    const book = new EventBook();
    for (const name of ['p', `${'a'.repeat(199)}.b`, `${'a'.repeat(198)}-.b`, 'x'.repeat(253)]) {
      const named = objectOf(book, name)?.metadata.name ?? '';
      assert.match(named, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      assert.ok(named.length <= 253);
    }
    assert.notEqual(book.add(noted('p', 'Odd'), 0)?.name, book.add(noted('p'), 0)?.name);
  });
});
