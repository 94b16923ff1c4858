import assert from 'node:assert/strict';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { approvalConditions, approveExport } from '../../federation/policy/export-approval.ts';
import { isExported } from '../../federation/policy/exported.ts';
import { watchFirstExports } from '../../federation/policy/first-exports.ts';
import { exportService } from '../../federation/policy/service-export.ts';
import { outlived } from '@isthmus/federation/registry/sweep.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

const cart = { namespace: 'shop', name: 'cart' };

describe('a second cluster that exports an existing name', () => {
  let hub: Federation;
  afterEach(() => hub.end());

  const start = async (exports: 'open' | 'strict') => {
    hub = await Federation.startWith({ exports }, 'east', 'west', 'south');
    watchFirstExports(
      { live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog },
      hub.stop.signal,
    );
    hub.report('east', { services: { cart: 2 } });
    await hub.pass(250);
    hub.report('west', { services: { cart: 2 } });
    await hub.pass(250);
  };
  const service = (cluster: string) => hub.now.observed.get(cluster)!.services.get(inShop('cart'))!;
  const reasons = (cluster: string) =>
    approvalConditions(hub.now, cluster, service(cluster)).map(({ reason }) => reason);
  const exported = (cluster: string) => isExported(hub.now, cluster, service(cluster));
  const approve = (...clusters: readonly string[]) => hub.run(approveExport, { ...cart, clusters });

  it('takes part at once and raises a warning, until an operator approves it', async () => {
    await start('open');
    assert.deepEqual([exported('east'), exported('west')], [true, true]);
    assert.deepEqual([reasons('east'), reasons('west')], [[], ['EXPORTED_BY_SEVERAL']]);
    assert.ok((await approve('west')).ok);
    assert.deepEqual(reasons('west'), []);
  });

  it('waits with strict exports: no cluster receives it before an operator approves it', async () => {
    await start('strict');
    assert.deepEqual([exported('east'), exported('west')], [true, false]);
    assert.deepEqual([...hub.received('south', 'remote').keys()], ['east/shop/cart']);
    assert.deepEqual(reasons('west'), ['EXPORT_AWAITS_APPROVAL']);
    assert.ok((await approve('west')).ok);
    assert.deepEqual([...hub.received('south', 'remote').keys()], ['east/shop/cart', 'west/shop/cart']);
    assert.deepEqual(reasons('west'), []);
  });

  it('waits also when the first is away, and after it has removed its label', async () => {
    await start('strict');
    hub.report('east', { services: {} });
    await hub.pass(250);
    assert.equal(exported('west'), false);
  });

  it('is the first again when no cluster that was approved is known any more', async () => {
    await start('strict');
    const writes = () => outlived(hub.now.intent, 1).length;
    assert.equal(writes(), 0);
    await hub.store.commit({
      writes: [{ remove: 'cluster', id: 'east', expected: undefined }],
      audit: {
        id: 'x',
        at: 1,
        actor: 'test',
        action: 'x',
        subject: '',
        reason: '',
        outcome: '{}',
        idempotencyKey: '',
      },
      fence: 1,
    });
    await hub.pass(250);
    assert.equal(writes(), 1);
  });

  it('may be approved by an export that names it', async () => {
    await start('strict');
    assert.ok((await hub.run(exportService, { ...cart, clusters: ['west'] })).ok);
    assert.deepEqual([exported('west'), reasons('west')], [true, []]);
  });

  for (const [what, clusters, code] of [
    ['of no cluster', [], 'INVALID'],
    ['of a cluster that is not known', ['nowhere'], 'NOT_FOUND'],
    ['of a cluster that has no such service', ['south'], 'NOT_FOUND'],
  ] as const)
    it(`an approval ${what} is refused and changes nothing`, async () => {
      await start('strict');
      const outcome = await approve(...clusters);
      assert.ok(!outcome.ok);
      assert.equal(outcome.errors[0]?.code, code);
      assert.equal(exported('west'), false);
    });
});

describe('an export without a list of clusters', () => {
  it('covers the members of its moment, and none that joins later', async () => {
    const hub = await Federation.start('east', 'west');
    hub.report('east', { services: { cart: 2 }, over: { cart: { exportRequested: false } } });
    assert.ok((await hub.run(exportService, { ...cart, clusters: [] })).ok);
    await hub.put(aMember('later'));
    hub.report('later', { services: { cart: 2 }, over: { cart: { exportRequested: false } } });
    const exported = (cluster: string) =>
      isExported(hub.now, cluster, hub.now.observed.get(cluster)!.services.get(inShop('cart'))!);
    assert.deepEqual([exported('east'), exported('later')], [true, false]);
    hub.end();
  });
});
