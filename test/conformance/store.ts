import assert from 'node:assert/strict';
import type { AuditLimits } from '../../federation/store/audit-log.ts';
import type { ReportRow, Store } from '../../federation/store/store.ts';
import { storedReports } from '../fakes/stored-reports.ts';
import { auditConformance } from './store-audit.ts';
import { cluster, commit, put } from './store-commits.ts';

/** What every store must do. `reopen` closes and opens again, where that keeps anything. */
export function storeConformance(
  name: string,
  open: (limits?: AuditLimits) => Promise<Store>,
  reopen?: (store: Store, limits?: AuditLimits) => Promise<Store>,
): void {
  describe(`store conformance: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
      await store.lead();
    });
    afterEach(() => store.close());

    it('may be closed when it is closed already', async () => {
      await store.close();
      await store.close();
    });

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

    it('gives watchers every commit once and in order, those before and those after they came', async () => {
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

    it('refuses to wait for a revision of another store', async () => {
      await store.commit(commit('1', [put('a')]));
      const next = () => store.changes(7, new AbortController().signal)[Symbol.asyncIterator]().next();
      await assert.rejects(next(), { code: 'REVISION_UNKNOWN' });
    });

    it('gives the audit newest first, in pages', async () => {
      for (const id of ['1', '2', '3']) await store.commit(commit(id, [put(`n${id}`)]));
      assert.deepEqual(
        (await store.audit({ limit: 2 })).records.map(({ revision }) => revision),
        [3, 2],
      );
      assert.deepEqual(
        (await store.audit({ limit: 2, before: 2 })).records.map(({ revision }) => revision),
        [1],
      );
    });

    it('keeps what clusters reported row by row, outside the revisions', async () => {
      const ofEast = ofCluster('east', row('service', 'a', 'one'), row('service', 'b', 'two'));
      await store.saveReports([ofEast], 5);
      const later = ofCluster('east', row('service', 'a', 'three'), row('gateway', 'a', 'four'));
      await store.saveReports([later, ofCluster('west', row('service', 'a', 'five'))], 6);
      assert.equal((await store.read()).revision, 0);
      assert.deepEqual(await reported(store), [
        'east gateway a four 6',
        'east service a three 6',
        'east service b two 5',
        'west service a five 6',
      ]);
      await store.saveReports([ofCluster('east', { type: 'service', name: 'a', resource: undefined })], 8);
      assert.deepEqual(await reported(store), [
        'east gateway a four 6',
        'east service b two 5',
        'west service a five 6',
      ]);
      await store.forgetReports('east');
      assert.deepEqual(await reported(store), ['west service a five 6']);
    });

    it('names the clusters of which it has reports, and gives those of each by themselves', async () => {
      assert.deepEqual(await store.reportedClusters(), []);
      for (const cluster of ['west', 'east', 'north']) {
        const both = ofCluster(cluster, row('service', 'a', cluster), row('service', 'b', cluster));
        await store.saveReports([both], 5);
      }
      await store.forgetReports('north');
      const unset = ['a', 'b'].map((name) => ({ type: 'service', name, resource: undefined }));
      await store.saveReports([ofCluster('west', ...unset)], 6);
      assert.deepEqual(await store.reportedClusters(), ['east']);
      const reports = await store.readReports('east');
      assert.deepEqual(reports.map(({ cluster, name }) => `${cluster} ${name}`).sort(), ['east a', 'east b']);
      assert.deepEqual(await store.readReports('west'), []);
    });

    auditConformance(open, reopen);

    if (reopen)
      it('has everything after it was opened again, in a later epoch', async () => {
        const { epoch } = await store.lead();
        await store.commit(commit('1', [put('a', undefined, 30)], 100, 'key'));
        await store.saveReports([ofCluster('east', row('service', 'a', 'one'))], 5);
        store = await reopen(store);
        const later = await store.lead();
        const { revision, objects } = await store.read();
        assert.equal(revision, 1);
        assert.equal((await store.commit(commit('2', [put('b')], 100, 'key'))).kind, 'repeated');
        assert.deepEqual(objects[0]?.value, JSON.parse(JSON.stringify(cluster('a', 30))));
        assert.equal((await store.byIdempotencyKey('admin', 'key'))?.revision, 1);
        assert.deepEqual(await reported(store), ['east service a one 5']);
        assert.ok(later.epoch > epoch);
      });
  });
}

const ofCluster = (cluster: string, ...rows: readonly ReportRow[]) => ({ cluster, rows });

const row = (type: string, name: string, body: string): ReportRow => ({
  type,
  name,
  resource: { version: `v-${body}`, body: Buffer.from(body) },
});

/** What the store has of clusters, in order. */
const reported = async (store: Store): Promise<readonly string[]> =>
  (await storedReports(store))
    .map(({ cluster, type, name, version, body, asOf }) => {
      const text = Buffer.from(body).toString();
      assert.equal(version, `v-${text}`);
      return `${cluster} ${type} ${name} ${text} ${asOf}`;
    })
    .sort();
