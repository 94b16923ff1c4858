import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus drain and undrain', () => {
  let federation: TestFederation;
  beforeEach(async () => {
    federation = await startTestFederation();
  });
  afterEach(() => federation.stop());

  it('drains until a deadline, shows it, and takes it back', async () => {
    const now = Date.now();
    const drained = await federation.run('drain east --scope REMOTE --deadline 2h --yes', { now });
    assert.equal(drained.status, 0, drained.err);
    assert.match(drained.out, /east drained by 100%/);
    assert.match(drained.out, /no cluster but east has shop\/orders/);
    assert.match(drained.out, /operation \S+ is (RUNNING|DONE)/);
    assert.match(drained.out, /isthmus undrain east/);
    const until = new Date(now + 7_200_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const { out } = await federation.run('clusters');
    assert.match(out, new RegExp(`^east +DRAINED +100% REMOTE until ${until}`, 'm'));
    assert.equal((await federation.run('undrain east --yes')).status, 0);
    assert.match((await federation.run('clusters')).out, /^east +ACTIVE +- /m);
  });

  it('ends with 2 for a deadline of a partial drain, as the connections to close cannot be selected', async () => {
    const { status, err } = await federation.run('drain east --percent 30 --deadline 2h --yes', {
      now: Date.now(),
    });
    assert.equal(status, 2);
    assert.match(err, /INVALID deadline: .*drain by 100, or without a deadline/);
  });

  it('says before it asks what would follow, and changes nothing unless the answer is yes', async () => {
    const before = await federation.revision();
    for (const answer of ['', 'n', 'yessir']) {
      const { status, err } = await federation.run('drain east', { answer });
      assert.equal(status, 1);
      assert.match(
        err,
        /no cluster but east has shop\/orders[^]*drain east by 100%\? \[y\/N\] [^]*nothing was changed/,
      );
    }
    assert.equal(await federation.revision(), before);
    assert.equal((await federation.run('drain east', { answer: 'y' })).status, 0);
  });

  it('does not ask about what the hub refuses', async () => {
    const { status, err } = await federation.run('drain nowhere', { answer: 'y' });
    assert.equal(status, 4);
    assert.match(err, /no member cluster/);
    assert.ok(!err.includes('[y/N]'));
  });

  it('says in a dry run how to see where connections would go', async () => {
    const { out } = await federation.run('drain east --percent 30 --dry-run');
    assert.match(out, /^dry run: would /);
    const [, simulate = ''] = /isthmus (failover simulate .*)/.exec(out) ?? [];
    assert.match((await federation.run(simulate)).out, /^shop\/cart +east +east +west/m);
  });

  it('ends with 5 when there is nothing to take back', async () => {
    const { status, err } = await federation.run('undrain east --yes');
    assert.equal(status, 5);
    assert.match(err, /CONFLICT.*not drained/);
  });
});
