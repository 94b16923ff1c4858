import assert from 'node:assert/strict';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { emptyBody, type Attempt } from '../../federation/store/audit.ts';
import type { AuditLimits } from '../../federation/store/audit-log.ts';
import type { AuditEntry, Commit, ReportRow, Store } from '../../federation/store/store.ts';
import { storedReports } from '../fakes/stored-reports.ts';

const cluster = (name: string, drainPercent = 0): Cluster => ({
  kind: 'cluster',
  name,
  admission: 'ADMITTED',
  membership: 'm',
  drainPercent,
  drainScope: 'ALL',
  drainDeadline: undefined,
  trustDomain: defaultTrustDomain,
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

const attempt = (code: string, over: Partial<Attempt> = {}): Attempt => ({
  at: 1,
  actor: 'admin',
  action: 'test',
  subject: 'cluster/a',
  outcome: 'REFUSED',
  code,
  body: { ...emptyBody, input: { code } },
  ...over,
});

const malformed = (code: string) => attempt(code, { malformed: true });

const denied = (code: string) => attempt(code, { outcome: 'DENIED' });

const bySystem = (id: string): Commit => ({
  ...commit(id, [put(id)]),
  detail: { system: true, body: emptyBody },
});

/** Low ones, to be reached. */
const limits: AuditLimits = {
  changes: { entries: 3, bytes: 4000 },
  system: { entries: 2, bytes: 4000 },
  attempts: { entries: 3, bytes: 4000 },
  malformed: { entries: 2, bytes: 4000 },
  denied: { entries: 2, bytes: 4000 },
};

const everything = { limit: 1000, system: true };

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

function auditConformance(
  open: (limits?: AuditLimits) => Promise<Store>,
  reopen?: (store: Store, limits?: AuditLimits) => Promise<Store>,
): void {
  describe('its audit log', () => {
    let store: Store;
    beforeEach(async () => {
      store = await open(limits);
      await store.lead();
    });
    afterEach(() => store.close());
    const codes = async (over: object = {}) =>
      (await store.audit({ ...everything, ...over })).records.map(({ code, subject }) => code || subject);

    it('has each commit with its input and both states, and nothing of one that was refused', async () => {
      const body = {
        ...emptyBody,
        input: { name: 'a' },
        before: { 'cluster/a': null },
        after: { 'cluster/a': { x: 1 } },
      };
      await store.commit({ ...commit('1', [put('a')]), detail: { system: false, body } });
      await store.commit(commit('2', [put('a', 7)]));
      const { records, total } = await store.audit(everything);
      assert.equal(total, 1);
      assert.deepEqual(records, [
        {
          at: 1,
          actor: 'admin',
          action: 'test',
          subject: '1',
          ...body,
          number: 1,
          lastAt: 1,
          count: 1,
          outcome: 'DONE',
          code: '',
          system: false,
          revision: 1,
        },
      ]);
    });

    it('has what changed nothing, with the revision that it was at, at once', async () => {
      await store.commit(commit('1', [put('a')]));
      assert.equal(store.record(attempt('INVALID')), 2);
      const [newest] = (await store.audit(everything)).records;
      assert.deepEqual(
        [newest?.number, newest?.outcome, newest?.code, newest?.revision, newest?.input],
        [2, 'REFUSED', 'INVALID', 1, { code: 'INVALID' }],
      );
      assert.equal((await store.read()).revision, 1);
    });

    it('counts what came again, and keeps its place', async () => {
      const number = store.record(attempt('A')) ?? 0;
      store.record(attempt('B'));
      store.recount(number, 7, 99);
      const [, counted] = (await store.audit(everything)).records;
      assert.deepEqual([counted?.code, counted?.count, counted?.at, counted?.lastAt], ['A', 7, 1, 99]);
      store.recount(12_345, 7, 99);
      assert.equal((await store.audit(everything)).total, 2);
    });

    for (const [kind, most, add] of [
      ['changes', 3, (id: string) => store.commit(commit(id, [put(id)]))],
      ['system steps', 2, (id: string) => store.commit(bySystem(id))],
      ['attempts', 3, (id: string) => store.record(attempt(id))],
      ['malformed mutations', 2, (id: string) => store.record(malformed(id))],
      ['denied callers', 2, (id: string) => store.record(denied(id))],
    ] as const)
      it(`keeps ${most} ${kind}, and lets the oldest go for one more`, async () => {
        for (let n = 1; n <= most + 1; n++) {
          await add(`n${n}`);
          const oldest = Math.max(1, n - most + 1);
          const kept = Array.from({ length: n - oldest + 1 }, (_, i) => `n${n - i}`);
          assert.deepEqual(await codes(), kept);
        }
      });

    it('has a flood of denied callers and malformed mutations take no room from the others', async () => {
      for (const id of ['1', '2', '3']) await store.commit(commit(id, [put(id)]));
      for (const id of ['4', '5']) await store.commit(bySystem(id));
      for (const code of ['A', 'B', 'C']) store.record(attempt(code));
      for (let i = 0; i < 500; i++) store.record(denied(`D${i}`));
      for (let i = 0; i < 500; i++) store.record(malformed(`M${i}`));
      const flood = ['M499', 'M498', 'D499', 'D498'];
      assert.deepEqual(await codes(), [...flood, 'C', 'B', 'A', '5', '4', '3', '2', '1']);
    });

    it('is bounded in bytes too: large entries make older ones go', async () => {
      const body = { ...emptyBody, input: 'x'.repeat(1700) };
      const large = (code: string) => store.record(attempt(code, { body }));
      large('A');
      large('B');
      assert.deepEqual(await codes(), ['B', 'A']);
      large('C');
      assert.deepEqual(await codes(), ['C', 'B']);
    });

    it('is filtered by actor, action, subject, time and outcome, and by all of them', async () => {
      await store.commit(commit('1', [put('a')]));
      await store.commit(bySystem('2'));
      store.record(attempt('A', { actor: 'eve', at: 5 }));
      store.record(attempt('B', { action: 'other', subject: 'service/shop/cart', at: 9 }));
      const recounted = store.record(denied('C')) ?? 0;
      store.recount(recounted, 2, 7);
      assert.deepEqual(await codes({ system: false }), ['C', 'B', 'A', '1']);
      assert.deepEqual(await codes({ actor: 'eve' }), ['A']);
      assert.deepEqual(await codes({ action: 'other' }), ['B']);
      for (const subject of ['service/shop/cart', 'shop/cart', 'cart'])
        assert.deepEqual(await codes({ subject }), ['B']);
      assert.deepEqual(await codes({ subject: 'art' }), []);
      // From its first to its last time.
      assert.deepEqual(await codes({ since: 6 }), ['C', 'B']);
      assert.deepEqual(await codes({ until: 5 }), ['C', 'A', '2', '1']);
      assert.deepEqual(await codes({ since: 9, until: 9 }), ['B']);
      assert.deepEqual(await codes({ outcomes: ['DENIED', 'DONE'] }), ['C', '2', '1']);
      assert.deepEqual(await codes({ outcomes: [] }), []);
      const all = { actor: 'eve', action: 'test', subject: 'a', since: 5, until: 5, outcomes: ['REFUSED'] };
      assert.deepEqual(await codes(all), ['A']);
      assert.deepEqual(await codes({ ...all, actor: 'admin' }), []);
    });

    it('is paged without gaps or repeats while entries are added', async () => {
      for (const code of ['A', 'B', 'C']) store.record(attempt(code));
      const seen: string[] = [];
      for (let before: number | undefined, i = 0; ; i++) {
        const { records, more } = await store.audit({ limit: 1, before });
        seen.push(...records.map(({ code }) => code));
        before = records.at(-1)?.number;
        if (!more) break;
        store.record(denied(`new ${i}`));
      }
      assert.deepEqual(seen, ['C', 'B', 'A']);
    });

    if (reopen)
      it('is there after it was opened again, counts and bounds too, and goes on with its numbers', async () => {
        for (const id of ['1', '2', '3']) await store.commit(commit(id, [put(id)]));
        store.record(attempt('A'));
        store.recount(4, 5, 50);
        store.record(malformed('M'));
        const before = await store.audit(everything);
        store = await reopen(store, limits);
        await store.lead();
        assert.deepEqual(await store.audit(everything), before);
        await store.commit(commit('4', [put('4')]));
        assert.deepEqual(await codes(), ['4', 'M', 'A', '3', '2']);
        store = await reopen(store, { ...limits, changes: { entries: 1, bytes: 4000 } });
        await store.lead();
        assert.deepEqual(await codes(), ['4', 'M', 'A']);
        await store.commit(commit('5', [put('5')]));
        store = await reopen(store, limits);
        await store.lead();
        assert.deepEqual(await codes(), ['5', 'M', 'A']);
      });
  });
}
