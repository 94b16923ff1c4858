import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly outcome: string;
  readonly subject: string;
  readonly input: Record<string, unknown> | null;
}

describe('isthmus audit', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const run = (line: string, env: Record<string, string> = {}) =>
    federation.run(line, { now: Date.now(), env });
  const entries = async (flags: string) => {
    const { status, out, err } = await run(`audit ${flags} -o json`);
    assert.equal(status, 0, err);
    return JSON.parse(out) as Entry[];
  };

  it('lists who did what, newest first, with the outcome and the reason', async () => {
    await run('drain east --percent 30 --yes --reason upgrade');
    await run('drain east --percent 60 --dry-run');
    await run('undrain west --yes');
    const { status, out } = await run('audit');
    assert.equal(status, 0);
    const [heading, ...rows] = out.trimEnd().split('\n');
    assert.match(heading ?? '', /^AT +ACTOR +ACTION +SUBJECT +OUTCOME +TIMES +REVISION +REASON$/);
    const at = '\\d{4}-\\S+Z +admin';
    assert.match(
      rows[0] ?? '',
      new RegExp(`^${at} +undrainCluster +cluster/west +REFUSED CONFLICT +1 +\\d+$`),
    );
    assert.match(rows[1] ?? '', new RegExp(`^${at} +drainCluster +cluster/east +DRY_RUN +1 +\\d+$`));
    assert.match(rows[2] ?? '', new RegExp(`^${at} +drainCluster +cluster/east +DONE +1 +\\d+ +upgrade$`));
    assert.ok(!out.includes('advanceOperations'));
  });

  it('shows with --diff the input, what changed and what would have, and why one was refused', async () => {
    const { out } = await run('audit --diff --first 3');
    const [refused = '', dry = '', done = ''] = out.split('\n\n');
    assert.match(
      refused,
      /undrainCluster cluster\/west: REFUSED, revision \d+\n {2}CONFLICT cluster: west is not drained\n {2}input: \{"cluster":"west",/,
    );
    assert.match(dry, /\n {2}would change:\n {2}~ cluster\/east\n {6}~ drainPercent: 30 -> 60\n/);
    assert.match(
      done,
      /drainCluster cluster\/east: DONE, revision \d+ \(upgrade\)\n {2}input: \{"cluster":"east",.*"percent":30,.*"scope":"ALL"\}\n/,
    );
    assert.match(done, /\n {2}~ cluster\/east\n {6}~ drainPercent: 0 -> 30\n/);
    assert.match(done, /\n {2}\+ operation\/\S+\n/);
  });

  it('filters by actor, action, subject, time, outcome, and all of them', async () => {
    assert.equal((await entries('--actor nobody')).length, 0);
    assert.deepEqual(
      (await entries('--action drainCluster')).map(({ action, outcome }) => [action, outcome]),
      [
        ['drainCluster', 'DRY_RUN'],
        ['drainCluster', 'DONE'],
      ],
    );
    assert.equal((await entries('--action drain')).length, 0);
    for (const name of ['west', 'cluster/west']) {
      const [newest, ...older] = await entries(`--subject ${name}`);
      assert.deepEqual(
        [newest?.action, newest?.outcome, newest?.subject],
        ['undrainCluster', 'REFUSED', 'cluster/west'],
      );
      assert.ok(older.length > 0 && older.every(({ subject }) => subject === 'cluster/west'));
    }
    assert.equal((await entries('--since 2030-01-01T00:00:00Z')).length, 0);
    assert.equal((await entries('--until 1h')).length, 0);
    assert.ok((await entries('--since 1h')).length > 3);
    assert.deepEqual(
      (await entries('--outcome refused,dry_run --since 1h --actor admin')).map(({ outcome }) => outcome),
      ['REFUSED', 'DRY_RUN'],
    );
    const all =
      '--actor admin --action drainCluster --subject cluster/east --outcome DONE --since 1h --until 0s';
    assert.deepEqual(
      (await entries(all)).map(({ input }) => input?.['percent']),
      [30],
    );
  });

  it('shows the system’s own steps, and callers that were denied, when they are asked for', async () => {
    assert.match((await run('audit --system')).out, /signIntermediate/);
    assert.match((await run('audit --denied')).out, /^there is no such entry/);
    const denied = await run('audit', { ISTHMUS_TOKEN: 'canary-of-a-wrong-token' });
    assert.equal(denied.status, 6);
    const { out } = await run('audit --denied');
    assert.match(out, /127\.0\.0\.1 +authenticate +- +DENIED UNAUTHENTICATED +1/);
  });

  it('shows as many as are asked for, and says that there are more', async () => {
    assert.equal((await entries('--first 2')).length, 2);
    const { out, err } = await run('audit --first 1');
    assert.equal(out.trimEnd().split('\n').length, 2);
    assert.match(err, /^there are more than 1: --first shows more, --until \d{4}-\S+Z older ones\n$/);
    for (let i = 0; i < 120; i++) await run(`drain east --percent 40 --dry-run --reason number-${i}`);
    const many = await entries('--first 110');
    assert.equal(new Set(many.map(({ id }) => id)).size, 110);
  });

  it('prints no secret', async () => {
    const token = (await run('token create north')).out.trim();
    await run(`token revoke ${token} --reason ${token}`);
    await run(`drain east --percent 50 --yes --reason ${federation.hub.token}`);
    const printed = await Promise.all(
      ['-o json', '--diff', ''].map((flags) => run(`audit --system --first 1000 ${flags}`.trim())),
    );
    const ticket = Buffer.from(token.split('.')[2] ?? '', 'base64url').toString();
    const { secret } = JSON.parse(ticket) as { secret: string };
    for (const { status, out, err } of printed) {
      assert.equal(status, 0, err);
      assert.ok(out.includes('revokeJoinToken'));
      for (const canary of [token, secret, federation.hub.token, 'canary-of-a-wrong-token', 'PRIVATE KEY'])
        assert.ok(!out.includes(canary), canary.slice(0, 20));
    }
  });

  it('ends with 2 for what is not a time, outcome, number or span of time', async () => {
    for (const flags of [
      '--since yesterday',
      '--until 2030-01-01',
      '--outcome FINE',
      '--first 0',
      '--first 10001',
      '--actor=',
      '--denied --outcome DONE',
      '--since 1h --until 2h',
    ])
      assert.equal((await run(`audit ${flags}`)).status, 2, flags);
  });
});
