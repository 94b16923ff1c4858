import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('what is in force, from the command line', () => {
  let federation: TestFederation;
  beforeEach(async () => {
    federation = await startTestFederation();
  });
  afterEach(() => federation.stop());
  const run = (line: string) => federation.run(line, { now: Date.now() });
  const fail = async (from: string, services: string) => {
    const { out } = await run(`failover simulate --from-cluster ${from} --services ${services}`);
    const id = /isthmus failover execute (\S+)/.exec(out)?.[1] ?? '';
    const executed = await run(`failover execute ${id} --yes --reason drill`);
    assert.equal(executed.status, 0, executed.err);
  };
  const listed = async (line: string) =>
    JSON.parse((await run(`${line} -o json`)).out) as { failoverId: string; revision: number }[];

  it('a failover whose terminal was closed is listed with its revision, and undone without its id', async () => {
    assert.match((await run('failover list')).out, /^no failover is in force/);
    assert.equal((await run('failover undo --yes')).status, 4);
    await fail('east', 'shop/cart');
    const { out } = await run('failover list');
    assert.match(out, /^FAILOVER +FROM +SERVICES +SHARE +BY +SINCE +UNTIL +REVISION +REASON$/m);
    assert.match(out, /^\S+ +east +shop\/cart +100% +admin +\d{4}-\S+ +- +\d+ +drill$/m);
    const [one] = await listed('failover list');
    const stale = await run(`failover undo --yes --expected-revision ${one!.revision + 1}`);
    assert.equal(stale.status, 5);
    const undone = await run(`failover undo --yes --expected-revision ${one!.revision}`);
    assert.equal(undone.status, 0, undone.err);
    assert.match(undone.out, new RegExp(`^failover ${one!.failoverId} is being undone`));
    assert.equal((await run('failover undo --yes')).status, 4);
  });

  it('of several failovers undo takes the one of a cluster, and otherwise asks which', async () => {
    await fail('east', 'shop/cart');
    await fail('west', 'shop/cart');
    const [newest] = await listed('failover list');
    assert.deepEqual(
      (await listed('failover list --cluster west')).map(({ failoverId }) => failoverId),
      [newest!.failoverId],
    );
    const which = await run('failover undo --yes');
    assert.equal(which.status, 2);
    assert.ok(which.err.includes(newest!.failoverId), which.err);
    assert.equal((await run('failover undo x --cluster west --yes')).status, 2);
    const undone = await run('failover undo --cluster west --yes');
    assert.match(undone.out, new RegExp(`^failover ${newest!.failoverId} is being undone`));
  });

  it('a drain is listed with who ordered it, why, and the revision', async () => {
    assert.match((await run('drain list')).out, /^no cluster is drained/);
    await run('drain east --percent 30 --scope REMOTE --yes --reason upgrade');
    const { out } = await run('drain list');
    assert.match(out, /^CLUSTER +SHARE +DEADLINE +BY +SINCE +REVISION +REASON$/m);
    assert.match(out, /^east +30% REMOTE +- +admin +\d{4}-\S+ +\d+ +upgrade$/m);
    await run('undrain east --yes');
    assert.match((await run('drain list')).out, /^no cluster is drained/);
  });

  it('operations are listed newest first, with what a running one waits for', async () => {
    await run('drain east --percent 30 --yes');
    await run('drain west --percent 30 --yes');
    const { out } = await run('operations --state RUNNING');
    assert.match(
      out,
      /^OPERATION +TYPE +STATE +APPLIED +STARTED +SUBJECT\n\S+ +DRAIN_CLUSTER +RUNNING +0\/2 +\S+ +drain:west$/m,
    );
    assert.match(out, /RUNNING: waiting for east, west/);
    assert.match((await run('operations --state FAILED')).out, /^there is no such operation/);
  });

  it('join tokens are listed without their secrets, and revoked by id or by cluster', async () => {
    const secret = (await run('token north')).out.trim();
    const { out } = await run('token list --cluster north');
    assert.match(out, /^TOKEN +CLUSTER +STATE +BY +EXPIRES +REVISION\n\S+ +north +VALID +admin/m);
    assert.match((await run('token list')).out, /east +USED/);
    for (const shown of [out, (await run('token list -o json')).out]) {
      assert.ok(!shown.includes(secret));
      assert.ok(!/secret/i.test(shown));
    }
    const id = /^(\S+) +north/m.exec(out)?.[1] ?? '';
    const dry = await run(`token revoke ${id} --dry-run`);
    assert.match(dry.out, /^dry run: would revoke join token/);
    assert.equal((await run(`token revoke ${id} --reason lost`)).status, 0);
    assert.equal((await run(`token revoke ${id}`)).status, 4);
    await run('token north');
    await run('token north');
    assert.match((await run('token revoke north')).out, /^unused join tokens of north revoked/);
    assert.match((await run('token list --cluster north')).out, /^there is no join token/);
    const used = (await listed('token list --cluster east')) as unknown as { tokenId: string }[];
    assert.match(
      (await run(`token revoke ${used[0]!.tokenId} --dry-run`)).out,
      /warning: east has joined with this token/,
    );
  });

  it('a cluster is revoked and removed, having said what follows', async () => {
    const asked = await federation.run('revoke west', { answer: 'n' });
    assert.deepEqual([asked.status, /peers close their tunnels to west/.test(asked.err)], [1, true]);
    const early = await run('remove west --yes');
    assert.equal(early.status, 5);
    assert.match(early.err, /revoke it first/);
    const revoked = await run('revoke west --yes --reason stolen');
    assert.equal(revoked.status, 0, revoked.err);
    assert.match((await run('clusters')).out, /^west +REVOKED/m);
    assert.equal((await run('remove west --yes')).status, 0);
    assert.ok(!(await run('clusters')).out.includes('west'));
  });
});
