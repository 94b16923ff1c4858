import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

describe('a hub that starts again', () => {
  let stateDir = '';
  let hub: TestHub | undefined;
  const at = (name: string) => join(stateDir, name);
  const start = async (over: Parameters<typeof startTestHub>[0] = {}) =>
    (hub = await startTestHub({ octet: 246, stateDir, store: 'sqlite', ...over }));
  const stop = async () => {
    await hub?.stop();
    hub = undefined;
  };

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
  });
  afterEach(async () => {
    await stop();
    rmSync(stateDir, { recursive: true });
  });

  async function joined(): Promise<TestAgent> {
    const agent = await new TestAgent('east', '127.246.16.1').join(await start());
    await stop();
    return agent;
  }
  const epoch = () => {
    const db = new DatabaseSync(at('hub.db'));
    const { value } = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get() as { value: number };
    db.close();
    return value;
  };
  /** Its start fails, takes no epoch and leaves every file of keys as it was. */
  async function refuses(code: string, message: RegExp): Promise<void> {
    const before = [epoch(), readFileSync(at('admin-token'), 'utf8')];
    await assert.rejects(start(), { code, message });
    assert.deepEqual([epoch(), readFileSync(at('admin-token'), 'utf8')], before);
  }

  it('keeps nothing secret in the clear, and every file in mode 0600', async () => {
    (await joined()).end();
    const names = ['hub.db', 'sealing-key', 'admin-token', 'endpoint.json', 'lock.db', 'lock-holder.json'];
    for (const name of names) assert.equal(statSync(at(name)).mode & 0o777, 0o600, name);
    const bytes = readFileSync(at('hub.db'), 'latin1');
    assert.ok(
      !bytes.includes('PRIVATE KEY') && !bytes.includes(readFileSync(at('admin-token'), 'utf8').trim()),
    );
  });

  it('does not mint a link CA beside members, and meets them again once the backup was restored', async () => {
    const agent = await joined();
    const db = new DatabaseSync(at('hub.db'));
    const saved = db.prepare("SELECT * FROM objects WHERE key = 'linkCa/link'").get() as Record<
      string,
      string
    >;
    db.exec("DELETE FROM objects WHERE key = 'linkCa/link'");
    db.close();
    await refuses('LINK_CA_MISSING', /restore hub\.db from a backup/);
    const again = new DatabaseSync(at('hub.db'));
    again.prepare('INSERT INTO objects VALUES (?, ?, ?, ?)').run(...Object.values<string>(saved));
    again.close();
    await start();
    agent.connect();
    await until(() => agent.hubStore.complete);
    agent.end();
  });

  it('does not mint a sealing key beside what the old one has sealed', async () => {
    (await joined()).end();
    renameSync(at('sealing-key'), at('backup'));
    await refuses(
      'SEALING_KEY',
      /sealing-key is missing, and the root key of cluster\.local, .*restore it from a backup/,
    );
    renameSync(at('backup'), at('sealing-key'));
    await start();
  });

  it('writes the admin token’s file again when it was lost or changed, and ends the old token on demand', async () => {
    const { token } = await start();
    await stop();
    rmSync(at('admin-token'));
    assert.equal((await start()).token, token);
    await stop();
    writeFileSync(at('admin-token'), 'cut');
    assert.equal((await start()).token, token);
    await stop();
    const renewed = await start({ newAdminToken: true });
    assert.notEqual(renewed.token, token);
    const refused = await renewed.post('{"query":"{ viewer { name } }"}', {
      authorization: `Bearer ${token}`,
    });
    assert.equal(refused.status, 401);
    await stop();
    assert.equal((await start()).token, renewed.token);
  });
});
