import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus failover', () => {
  let federation: TestFederation;
  beforeEach(async () => {
    federation = await startTestFederation();
  });
  afterEach(() => federation.stop());
  const plan = async (line: string) => {
    const { status, out, err } = await federation.run(`failover simulate ${line}`, { now: Date.now() });
    assert.equal(status, 0, err);
    return { out, id: /isthmus failover execute (\S+)/.exec(out)?.[1] ?? '' };
  };

  it('simulates, executes and undoes', async () => {
    const { out, id } = await plan('--from-cluster east --expires 2h');
    assert.match(out, /^SERVICE +CLIENTS IN +FROM +TO +SHARE/);
    assert.match(out, /^shop\/cart +east +east +west +50%$/m);
    assert.match(out, /^shop\/orders +stays: no alternative$/m);
    assert.match(out, /expires at \d{4}-/);
    const executed = await federation.run(`failover execute ${id} --yes --reason drill`);
    assert.equal(executed.status, 0, executed.err);
    assert.match(executed.out, /^failover \S+ executed, until \d{4}-/);
    const [, failover = ''] = /isthmus failover undo (\S+)/.exec(executed.out) ?? [];
    const undone = await federation.run(`failover undo ${failover} --yes`);
    assert.equal(undone.status, 0, undone.err);
    assert.match(undone.out, new RegExp(`^failover ${failover} is being undone`));
    assert.equal((await federation.run(`failover undo ${failover} --yes`)).status, 5);
  });

  it('simulates a share of some services, by region and for remote clients only', async () => {
    const { out } = await plan('--from-region region-a --services shop/cart --percent 50 --scope REMOTE');
    assert.match(out, /^shop\/cart +west +east +west +25%$/m);
    assert.ok(!out.includes('orders'));
  });

  it('says of a dry run that nothing has happened', async () => {
    const { id } = await plan('--from-cluster east');
    const before = await federation.revision();
    const executed = await federation.run(`failover execute ${id} --dry-run`);
    assert.equal(executed.status, 0, executed.err);
    assert.match(executed.out, /^dry run: would execute plan/);
    assert.ok(!executed.out.includes('undo with'));
    assert.equal(await federation.revision(), before);
    const real = await federation.run(`failover execute ${id} --yes --output json`);
    const { failover } = JSON.parse(real.out) as { failover: { failoverId: string; scope: string } };
    const undone = await federation.run(`failover undo ${failover.failoverId} --dry-run`);
    assert.match(undone.out, /^dry run: would /);
    assert.equal((await federation.run(`failover undo ${failover.failoverId} --yes`)).status, 0);
  });

  it('takes a failover back by its global id too, and names what it does not know as it was given', async () => {
    const { id } = await plan('--from-cluster east');
    await federation.run(`failover execute ${id} --yes`);
    for (const wrong of ['nope', 'RmFpbG92ZXI', Buffer.from('Cluster:east').toString('base64url')]) {
      const { status, err } = await federation.run(`failover undo ${wrong} --yes`);
      assert.equal(status, 4);
      assert.ok(err.includes(`'${wrong}'`), err);
    }
    const { data } = await federation.hub.ask<{ operations: { nodes: { subject: string }[] } }>(
      '{ operations(first: 100) { nodes { subject } } }',
    );
    const [subject] = data!.operations.nodes.map((one) => one.subject.replace('failover:', 'Failover:'));
    const global = Buffer.from(subject ?? '').toString('base64url');
    assert.equal((await federation.run(`failover undo ${global} --yes`)).status, 0);
  });

  it('ends with 5 for a plan whose world has changed, and with 4 for none', async () => {
    const { id } = await plan('--from-cluster east');
    await federation.run('drain west --yes');
    const stale = await federation.run(`failover execute ${id} --yes`);
    assert.equal(stale.status, 5);
    assert.match(stale.err, /PLAN_STALE.*simulate again/);
    const unknown = await federation.run('failover execute nope --yes');
    assert.equal(unknown.status, 4);
    assert.match(unknown.err, /simulate again/);
    assert.equal((await federation.run('failover simulate --from-cluster nowhere')).status, 4);
  });
});
