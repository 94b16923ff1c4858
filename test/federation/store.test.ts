import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { memoryStore } from '../../federation/store/memory.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';
import { storeConformance } from '../conformance/store.ts';

let dir = '';
const path = () => join(dir, 'hub.db');

storeConformance('memory', () => Promise.resolve(memoryStore()));

describe('sqlite', () => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-store-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  storeConformance(
    'sqlite',
    () => sqliteStore(path()),
    async (store) => {
      await store.close();
      return sqliteStore(path());
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

  it('refuses a file that is no database, and says so', async () => {
    writeFileSync(path(), 'this is no database, and long enough to be looked at as one'.repeat(40));
    await assert.rejects(sqliteStore(path()), { code: 'STORE_FAILED' });
  });
});
