import assert from 'node:assert/strict';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { AuditEntry, Commit, Store } from '../../federation/store/store.ts';

const cluster = (name: string, drainPercent = 0): Cluster => ({
  kind: 'cluster',
  name,
  ...{ admission: 'ADMITTED', membership: 'm' },
  drainPercent,
  drainScope: 'ALL',
  drainDeadline: undefined,
  trustDomain: 'cluster.local',
  joinedAt: 1,
  namespaces: undefined,
  network: undefined,
});

const audit = (id: string, idempotencyKey = ''): AuditEntry => ({
  id,
  at: 1,
  actor: 'admin',
  action: 'test',
  subject: id,
  reason: '',
  outcome: '{}',
  idempotencyKey,
});

const put = (name: string, expected?: number, drain = 0): Commit['writes'][number] => ({
  put: cluster(name, drain),
  id: name,
  expected,
});

const commit = (id: string, writes: Commit['writes'], fence = 100, key = ''): Commit => ({
  writes,
  audit: audit(id, key),
  fence,
});

/** What every store must do. `reopen` closes and opens again, where that keeps anything. */
export function storeConformance(
  name: string,
  open: () => Promise<Store>,
  reopen?: (store: Store) => Promise<Store>,
): void {
  describe(`store conformance: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
      await store.lead();
    });
    afterEach(() => store.close());

    it('counts commits, and gives each object the revision that last wrote it', async () => {
      assert.deepEqual(await store.read(), { revision: 0, objects: [] });
      await store.commit(commit('1', [put('a'), put('b')]));
      await store.commit(commit('2', [put('b', 1, 30)]));
      const { revision, objects } = await store.read();
      assert.equal(revision, 2);
      assert.deepEqual(Object.fromEntries(objects.map((one) => [one.id, one.revision])), { a: 1, b: 2 });
    });

    it('makes a commit whole or not at all', async () => {
      await store.commit(commit('1', [put('a')]));
      const result = await store.commit(commit('2', [put('b', 0), put('a', 7)]));
      assert.deepEqual(result, { kind: 'conflict', id: 'a', expected: 7, actual: 1, revision: 1 });
      const { revision, objects } = await store.read();
      assert.equal(revision, 1);
      assert.deepEqual(
        objects.map(({ id }) => id),
        ['a'],
      );
    });

    it('takes 0 for what must not be there', async () => {
      await store.commit(commit('1', [put('a', 0)]));
      assert.equal((await store.commit(commit('2', [put('a', 0)]))).kind, 'conflict');
    });

    it('refuses a writer that has been replaced', async () => {
      await store.commit(commit('1', [put('a')], 105));
      assert.deepEqual(await store.commit(commit('2', [put('b')], 104)), { kind: 'fenced', epoch: 105 });
    });

    it('ends a leadership as soon as another is taken, and refuses its commits', async () => {
      const older = await store.lead();
      assert.equal((await store.commit(commit('1', [put('a')], older.epoch))).kind, 'committed');
      const newer = await store.lead(older.epoch + 7);
      assert.equal(newer.epoch, older.epoch + 8);
      assert.deepEqual(await older.ended, { kind: 'fenced', by: newer.epoch });
      const refused = await store.commit(commit('2', [put('b')], older.epoch));
      assert.deepEqual(refused, { kind: 'fenced', epoch: newer.epoch });
      assert.equal((await store.commit(commit('3', [put('b')], newer.epoch))).kind, 'committed');
    });

    it('lets one of two that race win', async () => {
      const results = await Promise.all(['1', '2', '3'].map((id) => store.commit(commit(id, [put('a', 0)]))));
      assert.deepEqual(results.map(({ kind }) => kind).sort(), ['committed', 'conflict', 'conflict']);
    });

    it('tells watchers every commit once and in order, those before and those after they came', async () => {
      await store.commit(commit('1', [put('a')]));
      await store.commit(commit('2', [put('b')]));
      const stop = new AbortController();
      const seen: number[] = [];
      const watching = (async () => {
        for await (const { revision } of store.changes(1, stop.signal)) {
          seen.push(revision);
          if (revision === 12) return;
        }
      })();
      for (let i = 3; i <= 12; i++) await store.commit(commit(String(i), [put(`c${i}`)]));
      await watching;
      stop.abort();
      assert.deepEqual(seen, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    });

    it('finds what an idempotency key did, for its actor only', async () => {
      await store.commit(commit('1', [put('a')], 100, 'key-1'));
      assert.equal((await store.byIdempotencyKey('admin', 'key-1'))?.revision, 1);
      assert.equal(await store.byIdempotencyKey('other', 'key-1'), undefined);
      assert.equal(await store.byIdempotencyKey('admin', 'key-2'), undefined);
    });

    it('takes a key once, also from two that race, and answers with what it did', async () => {
      const [one, two] = await Promise.all([
        store.commit(commit('1', [put('a')], 100, 'key')),
        store.commit(commit('2', [put('b')], 100, 'key')),
      ]);
      assert.equal(one.kind, 'committed');
      assert.ok(two.kind === 'repeated' && two.entry.id === '1' && two.entry.revision === 1);
      assert.equal((await store.commit(commit('3', [put('c')], 100, 'key'))).kind, 'repeated');
      assert.equal((await store.read()).revision, 1);
    });

    it('removes what is there, at the revision that was seen only', async () => {
      await store.commit(commit('1', [put('a')]));
      const remove = (expected: number) =>
        store.commit(commit('2', [{ remove: 'cluster', id: 'a', expected }]));
      assert.equal((await remove(7)).kind, 'conflict');
      assert.equal((await remove(1)).kind, 'committed');
      assert.equal((await remove(1)).kind, 'conflict');
      assert.deepEqual(await store.read(), { revision: 2, objects: [] });
      await store.commit(commit('3', [put('a', 0)]));
      assert.equal((await store.read()).objects[0]?.revision, 3);
    });

    it('tells nobody to wait for a revision of another store', async () => {
      await store.commit(commit('1', [put('a')]));
      const next = () => store.changes(7, new AbortController().signal)[Symbol.asyncIterator]().next();
      await assert.rejects(next(), { code: 'REVISION_UNKNOWN' });
    });

    it('gives the audit newest first, in pages', async () => {
      for (const id of ['1', '2', '3']) await store.commit(commit(id, [put(`n${id}`)]));
      assert.deepEqual(
        (await store.audit(2, undefined)).map(({ revision }) => revision),
        [3, 2],
      );
      assert.deepEqual(
        (await store.audit(2, 2)).map(({ revision }) => revision),
        [1],
      );
    });

    it('keeps what clusters reported outside the revisions', async () => {
      await store.saveObserved('east', Buffer.from('report'));
      assert.equal((await store.read()).revision, 0);
      assert.equal(Buffer.from((await store.readObserved()).get('east') ?? []).toString(), 'report');
      await store.forgetObserved('east');
      assert.equal((await store.readObserved()).size, 0);
    });

    if (reopen)
      it('has everything after it was opened again, in a later epoch', async () => {
        const { epoch } = await store.lead();
        await store.commit(commit('1', [put('a', undefined, 30)], 100, 'key'));
        await store.saveObserved('east', Buffer.from('report'));
        store = await reopen(store);
        const later = await store.lead();
        const { revision, objects } = await store.read();
        assert.equal(revision, 1);
        assert.equal((await store.commit(commit('2', [put('b')], 100, 'key'))).kind, 'repeated');
        assert.deepEqual(objects[0]?.value, JSON.parse(JSON.stringify(cluster('a', 30))));
        assert.equal((await store.byIdempotencyKey('admin', 'key'))?.revision, 1);
        assert.equal((await store.readObserved()).size, 1);
        assert.ok(later.epoch > epoch);
      });
  });
}
