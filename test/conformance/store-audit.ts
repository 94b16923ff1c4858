import assert from 'node:assert/strict';
import { emptyBody, type Attempt } from '../../federation/store/audit.ts';
import type { AuditLimits } from '../../federation/store/audit-log.ts';
import type { Commit, Store } from '../../federation/store/store.ts';
import { commit, put } from './store-commits.ts';

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

/** What the audit log of every store must do, as part of `storeConformance`. */
export function auditConformance(
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
