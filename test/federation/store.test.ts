import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
import { emptyBody } from '../../federation/store/audit.ts';
import { memoryStore } from '../../federation/store/memory.ts';
import { Ledger } from '../../federation/store/ledger.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';
import type { Change, Store } from '../../federation/store/store.ts';
import { storeConformance } from '../conformance/store.ts';
import { storedReports } from '../fakes/stored-reports.ts';

/** A commit as the store's thread receives it. */
const changeAt = (revision: number): Change => ({
  revision,
  writes: [{ remove: 'cluster', id: `c${revision}`, expected: undefined }],
  audit: { id: `a${revision}`, at: 1, actor: 'a', action: 'test', subject: '', ...blank },
});
const blank = { reason: '', outcome: '{}', idempotencyKey: '' };

let dir = '';
const path = () => join(dir, 'hub.db');

storeConformance('memory', (limits) => Promise.resolve(memoryStore(limits)));

describe('sqlite', () => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-store-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  storeConformance(
    'sqlite',
    (limits) => sqliteStore(path(), limits),
    async (store, limits) => {
      await store.close();
      return sqliteStore(path(), limits);
    },
  );

  it('has every commit that it acknowledged before it was killed', async () => {
    const writer = spawn(process.execPath, [join(import.meta.dirname, '../fakes/store-writer.ts'), path()]);
    let acknowledged = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line);
      if (acknowledged >= 40) break;
    }
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const store = await sqliteStore(path());
    const { revision, objects } = await store.read();
    await store.close();
    assert.ok(revision >= acknowledged, `${revision} commits are there, ${acknowledged} were acknowledged`);
    assert.equal(objects.length, revision);
  });

  it('takes over the reports that schema 1 kept as one value of each cluster, once', async () => {
    await (await sqliteStore(path())).close();
    const body = Buffer.from('a report').toString('base64');
    const saved = {
      asOf: 5,
      types: [
        ['service', [['shop/cart', 'v1', body]]],
        ['gateway', []],
      ],
    };
    const db = new DatabaseSync(path());
    const put = db.prepare('INSERT INTO observed VALUES (?, ?)');
    put.run('east', Buffer.from(JSON.stringify(saved)));
    put.run('west', Buffer.from('damaged'));
    db.exec('PRAGMA user_version = 1');
    db.close();
    for (let opened = 0; opened < 2; opened++) {
      const store = await sqliteStore(path());
      const reports = (await storedReports(store)).map((one) => ({
        ...one,
        body: Buffer.from(one.body).toString(),
      }));
      await store.close();
      assert.deepEqual(reports, [
        { cluster: 'east', type: 'service', name: 'shop/cart', version: 'v1', body: 'a report', asOf: 5 },
      ]);
    }
  });

  it('writes nothing after a write that failed: what follows rests on what is not there', async () => {
    await (await sqliteStore(path())).close();
    const db = new DatabaseSync(path());
    db.exec(
      "CREATE TRIGGER full BEFORE INSERT ON changes WHEN NEW.revision = 2 BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    db.close();
    const thread = new Worker(new URL('../../federation/store/sqlite-thread.ts', import.meta.url), {
      workerData: { path: path(), retention: 10 },
    });
    const said = on(thread, 'message') as AsyncIterableIterator<[{ kind: string }]>;
    const next = async () => ((await said.next()).value as [{ kind: string }])[0].kind;
    assert.equal(await next(), 'opened');
    thread.postMessage({ kind: 'lead', above: 0, auditAfter: 0 });
    assert.equal(await next(), 'leading');
    for (const [revision, answer] of [
      [1, 'durable'],
      [2, 'failed'],
    ] as const) {
      thread.postMessage({ kind: 'change', change: changeAt(revision) });
      assert.equal(await next(), answer);
    }
    thread.postMessage({ kind: 'change', change: changeAt(3) });
    thread.postMessage({ kind: 'close' });
    assert.equal(await next(), 'closed');
    const store = await sqliteStore(path());
    assert.equal((await store.read()).revision, 1);
    await store.close();
  });

  it('is left alone by a hub that another has replaced', async () => {
    const older = await sqliteStore(path());
    const { epoch: fence } = await older.lead();
    await older.commit({ ...changeAt(1), fence });
    const newer = await sqliteStore(path());
    const { epoch } = await newer.lead();
    const refused = await Promise.all([
      older.commit({ ...changeAt(2), fence }),
      older.commit({ ...changeAt(3), fence }),
    ]);
    const fenced = { kind: 'fenced', epoch };
    assert.deepEqual(refused, [fenced, fenced]);
    assert.deepEqual(await older.commit({ ...changeAt(4), fence }), fenced);
    await newer.commit({ ...changeAt(2), fence: fenced.epoch });
    await Promise.all([older.close(), newer.close()]);
    const store = await sqliteStore(path());
    assert.equal((await store.read()).revision, 2);
    await store.close();
  });

  it('has in its audit log what a hub refused after another had replaced it, once, and no denied callers', async () => {
    const older = await sqliteStore(path());
    await older.lead();
    const newer = await sqliteStore(path());
    await newer.lead();
    const head = { at: 7, actor: 'admin', action: 'drainCluster', subject: '' };
    const attempt = (code: string, outcome: 'REFUSED' | 'DENIED' = 'REFUSED') =>
      older.record({ ...head, code, outcome, body: { ...emptyBody, input: { code } } });
    // The first is on its way when the older one finds that it was replaced, the others come after.
    attempt('INVALID');
    const { kind } = await older.commit({ ...changeAt(1), fence: 1 });
    assert.equal(kind, 'fenced');
    attempt('FENCED');
    attempt('UNAUTHENTICATED', 'DENIED');
    await older.close();
    const logged = async (store: Store) => (await store.audit({ limit: 9 })).records;
    while ((await logged(newer)).length === 0) await new Promise((resolve) => setImmediate(resolve));
    const found = await logged(newer);
    assert.deepEqual(
      found.map(({ code, at, input }) => [code, at, input]),
      ['FENCED', 'INVALID'].map((code) => [code, 7, { code }]),
    );
    await newer.close();
    const later = await sqliteStore(path());
    await later.lead();
    assert.deepEqual(await logged(later), found);
    const db = new DatabaseSync(path(), { readOnly: true });
    assert.equal(db.prepare('SELECT count(*) AS left FROM left_attempts').get()?.['left'], 0);
    db.close();
    await later.close();
  });

  for (const [refused, kept] of [
    [99, 99],
    [100, 100],
    [101, 100],
  ] as const)
    it(`is left ${kept} of ${refused} attempts by a hub that was replaced, the newest`, async () => {
      const older = await sqliteStore(path());
      await older.lead();
      const newer = await sqliteStore(path());
      await newer.lead();
      await newer.close();
      await older.commit({ ...changeAt(1), fence: 1 });
      const head = { at: 7, actor: 'admin', action: 'drainCluster', outcome: 'REFUSED' as const };
      for (let i = 1; i <= refused; i++)
        older.record({ ...head, code: `${i}`, subject: '', body: emptyBody });
      await older.close();
      const db = new DatabaseSync(path(), { readOnly: true });
      const rows = db.prepare('SELECT attempt FROM left_attempts ORDER BY id').all() as { attempt: string }[];
      db.close();
      const codes = rows.map(({ attempt }) => Number((JSON.parse(attempt) as { code: string }).code));
      assert.deepEqual([codes.length, codes.at(-1)], [kept, refused]);
    });

  it('ends the leadership of a hub that writes nothing, once another has taken an epoch', async () => {
    const older = await sqliteStore(path());
    const { ended, epoch } = await older.lead();
    const newer = await sqliteStore(path());
    await newer.lead();
    assert.deepEqual(await ended, { kind: 'fenced', by: epoch + 1 });
    assert.match(older.problem ?? '', /another hub has taken epoch 2/);
    assert.equal(newer.problem, undefined);
    await Promise.all([older.close(), newer.close()]);
  });

  it('takes no epoch on what another has written since it was read', async () => {
    const one = await sqliteStore(path());
    const { epoch } = await one.lead();
    const other = await sqliteStore(path());
    await one.commit({ ...changeAt(1), fence: epoch });
    await assert.rejects(other.lead(), {
      code: 'STORE_FAILED',
      message: /written revision 1 since this one read 0/,
    });
    assert.equal((await one.commit({ ...changeAt(2), fence: epoch })).kind, 'committed');
    await Promise.all([one.close(), other.close()]);
  });

  it('commits nothing before it has taken an epoch', async () => {
    const store = await sqliteStore(path());
    await assert.rejects(store.commit({ ...changeAt(1), fence: 1 }), { code: 'NOT_LEADING' });
    await store.close();
  });

  it('is readable by its owner only, with what SQLite has beside it, also when an older version made it', async () => {
    const modes = () => readdirSync(dir).map((name) => statSync(join(dir, name)).mode & 0o777);
    const write = async () => {
      const store = await sqliteStore(path());
      await store.commit({
        ...changeAt((await store.read()).revision + 1),
        fence: (await store.lead()).epoch,
      });
      assert.deepEqual(modes(), [0o600, 0o600, 0o600]);
      await store.close();
    };
    await write();
    chmodSync(path(), 0o644);
    await write();
  });

  it('refuses a file that is not a database, and says so', async () => {
    writeFileSync(path(), 'this is not a database, and long enough to be looked at as one'.repeat(40));
    await assert.rejects(sqliteStore(path()), { code: 'STORE_FAILED' });
  });
});

describe('what a store keeps', () => {
  it('says how far back changes can be had, and forgets old keys with their commits', () => {
    const ledger = new Ledger();
    const keyed = changeAt(1);
    ledger.apply({ ...keyed, audit: { ...keyed.audit, idempotencyKey: 'old' } }, 1);
    assert.equal(ledger.byIdempotencyKey('a', 'old')?.revision, 1);
    for (let revision = 2; revision <= 20_005; revision++) ledger.apply(changeAt(revision), 1);
    assert.throws(() => ledger.after(4), { code: 'HISTORY_TRUNCATED', oldest: 5 });
    assert.equal(ledger.after(5).length, 20_000);
    assert.deepEqual(
      ledger.after(20_003).map(({ revision }) => revision),
      [20_004, 20_005],
    );
    assert.equal(ledger.byIdempotencyKey('a', 'old'), undefined);
  });
});
