import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { KeptSecret, type KeeperRole } from '@isthmus/cluster-agent/kept/kept-secret.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { seededRandom } from '../../fakes/random.ts';

const namespace = 'isthmus-system';
const name = 'isthmus-agent-state';
const sealingKey = 'k'.repeat(32);
const away = () => new ApiFailure('API_UNREACHABLE', 'connection refused');

/** A state folder of one replica, and what keeps it. */
class Replica {
  readonly folder = mkdtempSync(join(tmpdir(), 'isthmus-kept-'));
  readonly stop = new AbortController();
  readonly kept: KeptSecret;
  role: KeeperRole = 'LEADER';

  constructor(server: FakeApiServer, clock: FakeClock, lines: string[]) {
    const log = logInto(lines);
    const role = () => this.role;
    const at = { server, namespace, stateDir: this.folder, role, clock, log, signal: this.stop.signal };
    this.kept = new KeptSecret({ ...at, random: seededRandom(1) });
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.folder, file), content, { mode: 0o600 });
  }

  read(file: string): string | undefined {
    const path = join(this.folder, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  remove(file: string): void {
    rmSync(join(this.folder, file));
  }

  end(): void {
    this.stop.abort(new Error('stopped'));
    rmSync(this.folder, { recursive: true });
  }
}

function logInto(lines: string[]): Log {
  const write = (...line: unknown[]) => void lines.push(JSON.stringify(line));
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

describe('the state of an agent in a Secret', () => {
  let server: FakeApiServer;
  let clock: FakeClock;
  let lines: string[];
  let replicas: Replica[];

  beforeEach(() => {
    server = new FakeApiServer([secrets]);
    clock = new FakeClock();
    lines = [];
    replicas = [];
  });
  afterEach(() => {
    for (const replica of replicas) replica.end();
    for (const secret of [sealingKey, Buffer.from(sealingKey).toString('base64'), 'secret-part'])
      assert.ok(!lines.join('\n').includes(secret), 'a key is in the log');
  });

  const replica = () => {
    const one = new Replica(server, clock, lines);
    replicas.push(one);
    return one;
  };
  const inSecret = () => {
    const { data = {} } = (server.find(secrets, namespace, name) ?? {}) as { data?: Record<string, string> };
    return Object.fromEntries(
      Object.entries(data).map(([file, content]) => [file, Buffer.from(content, 'base64').toString()]),
    );
  };
  const put = (data: Record<string, string>) =>
    server.put(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      data: Object.fromEntries(
        Object.entries(data).map(([file, content]) => [file, Buffer.from(content).toString('base64')]),
      ),
    });
  const joined = { 'sealing-key': sealingKey, 'link.json': '{"sealedKey":"secret-part"}' };
  /** What waits for a time is done. */
  const settled = async (work: Promise<unknown>) => {
    const state = { isDone: false };
    void work.finally(() => (state.isDone = true)).catch(() => undefined);
    for (let i = 0; i < 100 && !state.isDone; i++) await clock.advance(1000);
    await work;
  };
  const reasons = (one: Replica) => one.kept.conditions().map(({ reason }) => reason);

  it('is not there at the first start, and then has each file that outlives the pod, and no other', async () => {
    const first = replica();
    await first.kept.restore();
    first.write('sealing-key', sealingKey);
    first.write('joining-key', 'sealed');
    first.write('token-key', 'of files mode');
    await first.kept.keep();
    assert.deepEqual(inSecret(), { 'sealing-key': sealingKey, 'joining-key': 'sealed' });
    first.remove('joining-key');
    first.write('link.json', joined['link.json']);
    await first.kept.keep();
    assert.deepEqual(inSecret(), joined);
  });

  it('is in the folder of a new pod before anything reads it, in private files', async () => {
    put({ ...joined, 'hub-epochs.json': '{"hub":"7"}' });
    const next = replica();
    await next.kept.restore();
    assert.equal(next.read('link.json'), joined['link.json']);
    assert.equal(next.read('sealing-key'), sealingKey);
    assert.equal(statSync(join(next.folder, 'sealing-key')).mode & 0o777, 0o600);
    const calls = server.calls.length;
    await next.kept.keep();
    assert.equal(server.calls.length, calls, 'what is kept already is not written');
  });

  it('leaves the folder as it is when the installation has made an empty Secret', async () => {
    put({});
    const first = replica();
    first.write('sealing-key', sealingKey);
    await first.kept.restore();
    assert.equal(first.read('sealing-key'), sealingKey);
    await first.kept.keep();
    assert.deepEqual(inSecret(), { 'sealing-key': sealingKey });
  });

  it('gives back the higher epoch of the hub: that of the folder, or its own', async () => {
    put({ ...joined, 'hub-epochs.json': '{"a":"7","b":"2"}' });
    const again = replica();
    for (const [file, content] of Object.entries(joined)) again.write(file, content);
    again.write('hub-epochs.json', '{"a":"3","b":"5"}');
    await again.kept.restore();
    assert.deepEqual(JSON.parse(again.read('hub-epochs.json') ?? ''), { a: '7', b: '5' });
  });

  it('is waited for while the API server is away, or does not let the agent read it', async () => {
    put(joined);
    server.fail('get', 'secrets', away(), new ApiFailure('API_FORBIDDEN', 'secrets is forbidden'));
    const next = replica();
    await settled(next.kept.restore());
    assert.equal(next.read('link.json'), joined['link.json']);
    assert.deepEqual(reasons(next), []);
  });

  it('is written again after the API server was away, which is a condition meanwhile', async () => {
    const one = replica();
    await one.kept.restore();
    one.write('sealing-key', sealingKey);
    server.before = ({ verb }) => (verb === 'create' ? away() : undefined);
    const kept = one.kept.keep();
    await clock.advance(5000);
    assert.deepEqual(reasons(one), ['STATE_NOT_KEPT']);
    assert.match(one.kept.conditions()[0]?.message ?? '', /connection refused/);
    server.before = () => undefined;
    await settled(kept);
    assert.deepEqual(inSecret(), { 'sealing-key': sealingKey });
    assert.deepEqual(reasons(one), []);
  });

  it('is written again within 5 minutes, however long the API server asks to wait', async () => {
    const one = replica();
    await one.kept.restore();
    one.write('sealing-key', sealingKey);
    const day = { status: 429, retryAfterMillis: 86_400_000 };
    server.fail('create', 'secrets', new ApiFailure('API_BUSY', 'too many requests', day));
    void one.kept.keep();
    await clock.advance(0);
    await clock.advance(299_999);
    assert.deepEqual(inSecret(), {});
    await clock.advance(1);
    assert.deepEqual(inSecret(), { 'sealing-key': sealingKey });
  });

  it('has what was written while a write was under way', async () => {
    const one = replica();
    await one.kept.restore();
    one.write('sealing-key', sealingKey);
    const first = one.kept.keep();
    one.write('link.json', joined['link.json']);
    const second = one.kept.keep();
    one.write('hub-epochs.json', '{}');
    await Promise.all([first, second, one.kept.keep()]);
    assert.deepEqual(inSecret(), { ...joined, 'hub-epochs.json': '{}' });
  });

  it('is created again by the next write after somebody has deleted it', async () => {
    put(joined);
    const one = replica();
    await one.kept.restore();
    server.delete(secrets, namespace, name);
    one.write('hub-epochs.json', '{"hub":"7"}');
    await settled(one.kept.keep());
    assert.deepEqual(inSecret(), { ...joined, 'hub-epochs.json': '{"hub":"7"}' });
  });

  it('is a condition while the API server refuses it as too large, and is written once it is accepted', async () => {
    put(joined);
    const one = replica();
    await one.kept.restore();
    one.write('hub-epochs.json', '{}');
    server.fail(
      'update',
      'secrets',
      new ApiFailure('API_INVALID', 'Too long: must have at most 1048576 bytes'),
    );
    const kept = one.kept.keep();
    await clock.advance(1);
    assert.deepEqual(reasons(one), ['STATE_NOT_KEPT']);
    await settled(kept);
    assert.deepEqual(reasons(one), []);
  });

  it('keeps labels that others have put at it, and none of their data', async () => {
    server.put(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels: { team: 'mesh' } },
      data: { 'sealing-key': Buffer.from(sealingKey).toString('base64'), big: 'AAAA' },
    });
    const one = replica();
    await one.kept.restore();
    one.write('hub-epochs.json', '{}');
    await one.kept.keep();
    assert.deepEqual(inSecret(), { 'sealing-key': sealingKey, 'hub-epochs.json': '{}' });
    assert.deepEqual(server.find(secrets, namespace, name)?.metadata.labels, { team: 'mesh' });
  });

  describe('after a manual edit', () => {
    const faults: readonly (readonly [string, Record<string, string>, RegExp])[] = [
      ['without its sealing key', { 'link.json': '{}' }, /has link.json, and no sealing-key/],
      ['with half a sealing key', { 'sealing-key': 'k'.repeat(31) }, /sealing-key is not 32 bytes/],
      ['with a damaged link identity', { ...joined, 'link.json': '{"a' }, /link.json is damaged/],
      [
        'with a damaged intermediate',
        { ...joined, 'intermediate.json': 'x' },
        /intermediate.json is damaged/,
      ],
    ];
    for (const [what, data, why] of faults)
      it(`${what} ends the start with the Secret and what to do`, async () => {
        put(data);
        const next = replica();
        const message = new RegExp(`Secret isthmus-system/isthmus-agent-state.*${why.source}.*restore it`);
        await assert.rejects(next.kept.restore(), { code: 'KEPT_STATE', message });
        assert.equal(next.read('link.json'), undefined);
      });

    it('while the agent runs is overwritten by its next write', async () => {
      put(joined);
      const one = replica();
      await one.kept.restore();
      put({ ...joined, 'link.json': 'edited' });
      one.write('hub-epochs.json', '{}');
      one.write('link.json', '{"renewed":1}');
      await settled(one.kept.keep());
      assert.deepEqual(inSecret(), { ...joined, 'link.json': '{"renewed":1}', 'hub-epochs.json': '{}' });
    });
  });

  describe('of two replicas', () => {
    it('is that of the first when both start together: the second goes on with its keys', async () => {
      const [a, b] = [replica(), replica()];
      a.role = b.role = 'STARTING';
      await Promise.all([a.kept.restore(), b.kept.restore()]);
      a.write('sealing-key', sealingKey);
      a.write('joining-key', 'of a');
      await a.kept.keep();
      b.write('sealing-key', 'x'.repeat(32));
      b.write('joining-key', 'of b');
      await settled(b.kept.keep());
      assert.deepEqual([b.read('sealing-key'), b.read('joining-key')], [sealingKey, 'of a']);
      assert.deepEqual(inSecret(), { 'sealing-key': sealingKey, 'joining-key': 'of a' });
    });

    it('is read by the follower, which has the files of the leader and writes none', async () => {
      put(joined);
      const [leader, follower] = [replica(), replica()];
      follower.role = 'FOLLOWER';
      await Promise.all([leader.kept.restore(), follower.kept.restore()]);
      const taken: string[] = [];
      follower.kept.follow((files) => void taken.push(...files));
      await clock.advance(0);
      leader.write('intermediate.json', '{"of":"leader"}');
      await leader.kept.keep();
      await clock.advance(0);
      assert.deepEqual(taken, ['intermediate.json']);
      assert.equal(follower.read('intermediate.json'), '{"of":"leader"}');
      follower.write('intermediate.json', '{"of":"follower"}');
      await follower.kept.keep();
      assert.equal(inSecret()['intermediate.json'], '{"of":"leader"}');
      follower.role = 'LEADER';
      await follower.kept.keep();
      assert.equal(inSecret()['intermediate.json'], '{"of":"follower"}');
    });

    it('is taken by the follower once its disk lets it, whole, and it says so until then', async () => {
      put(joined);
      const [leader, follower] = [replica(), replica()];
      follower.role = 'FOLLOWER';
      await Promise.all([leader.kept.restore(), follower.kept.restore()]);
      const taken: (readonly string[])[] = [];
      follower.kept.follow((files) => void taken.push(files));
      await clock.advance(0);
      const inTheWay = join(follower.folder, 'intermediate.json.new');
      mkdirSync(inTheWay);
      leader.write('link.json', '{"renewed":1}');
      leader.write('intermediate.json', '{"of":"leader"}');
      await leader.kept.keep();
      await clock.advance(3000);
      assert.deepEqual(taken, []);
      const [condition] = follower.kept.conditions();
      assert.equal(condition?.reason, 'STATE_NOT_TAKEN');
      assert.match(condition.message, /intermediate\.json cannot be written \(EISDIR\)/);
      assert.ok(condition.remedy.includes(follower.folder));
      rmSync(inTheWay, { recursive: true });
      await clock.advance(1000);
      assert.deepEqual(taken, [['link.json', 'intermediate.json']]);
      assert.equal(follower.read('intermediate.json'), '{"of":"leader"}');
      assert.deepEqual(follower.kept.conditions(), []);
    });

    it('is brought together after a conflict also where the disk lets it only later', async () => {
      put(joined);
      const [leader, other] = [replica(), replica()];
      other.role = 'STARTING';
      await Promise.all([leader.kept.restore(), other.kept.restore()]);
      leader.write('link.json', '{"renewed":1}');
      await leader.kept.keep();
      other.write('link.json', '{"renewed":2}');
      const inTheWay = join(other.folder, 'link.json.new');
      mkdirSync(inTheWay);
      const kept = other.kept.keep();
      await clock.advance(2000);
      rmSync(inTheWay, { recursive: true });
      await settled(kept);
      assert.equal(inSecret()['link.json'], '{"renewed":1}');
      assert.equal(other.read('link.json'), '{"renewed":1}');
    });

    it('is not taken by the follower when a manual edit has damaged it', async () => {
      put(joined);
      const follower = replica();
      follower.role = 'FOLLOWER';
      await follower.kept.restore();
      const taken: string[] = [];
      follower.kept.follow((files) => void taken.push(...files));
      await clock.advance(0);
      put({ 'link.json': '{}' });
      server.delete(secrets, namespace, name);
      put({});
      await clock.advance(0);
      assert.deepEqual(taken, []);
      assert.equal(follower.read('link.json'), joined['link.json']);
    });

    it('has the changes of both, and those of the leader in a file that both have changed', async () => {
      put({ ...joined, 'hub-epochs.json': '{"hub":"1"}' });
      const [leader, other] = [replica(), replica()];
      other.role = 'STARTING';
      await Promise.all([leader.kept.restore(), other.kept.restore()]);
      other.write('hub-epochs.json', '{"hub":"9"}');
      other.write('intermediate.json', '{"of":"other"}');
      await other.kept.keep();
      leader.write('link.json', '{"renewed":1}');
      leader.write('intermediate.json', '{"of":"leader"}');
      await settled(leader.kept.keep());
      const all = {
        'sealing-key': sealingKey,
        'link.json': '{"renewed":1}',
        'intermediate.json': '{"of":"leader"}',
        'hub-epochs.json': '{"hub":"9"}',
      };
      assert.deepEqual(inSecret(), all);
      other.write('link.json', '{"renewed":2}');
      await settled(other.kept.keep());
      assert.deepEqual(inSecret(), all);
      assert.equal(other.read('link.json'), '{"renewed":1}');
    });
  });

  for (const [what, change] of [
    ['edits', () => put({ ...joined, 'link.json': '{"a":1}' })],
    ['empties', () => put({})],
    ['deletes', () => server.delete(secrets, namespace, name)],
  ] as const)
    it(`is written again by the leader after somebody ${what} it`, async () => {
      put(joined);
      const one = replica();
      await one.kept.restore();
      one.kept.follow(() => undefined);
      await clock.advance(0);
      change();
      await clock.advance(1000);
      assert.deepEqual(inSecret(), joined);
    });

  it('is not waited for any longer when the agent stops', async () => {
    server.before = () => away();
    const one = replica();
    const restored = one.kept.restore();
    await clock.advance(1000);
    one.stop.abort(new Error('stopped'));
    await assert.rejects(restored, /stopped/);
  });
});
