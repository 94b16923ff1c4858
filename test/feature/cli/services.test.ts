import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus services', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('shows each service in each cluster that has it', async () => {
    const { status, out } = await federation.run('services');
    assert.equal(status, 0);
    assert.match(out, /^SERVICE +CLUSTER +EXPORTED +HEALTHY/);
    assert.match(out, /^shop\/cart +east +yes +2\/2 +now +0$/m);
    assert.match(out, /^shop\/cart +west +yes +2\/2 +now +0/m);
    assert.match(out, /^shop\/private +east +no +1\/1 +now +0$/m);
  });

  it('shows the revision that --expected-revision of an export compares', async () => {
    assert.equal((await federation.run('export shop/private --expected-revision 0')).status, 0);
    const { out } = await federation.run('services');
    const [, revision = ''] = /^shop\/private +east +yes +1\/1 +now +(\d+)$/m.exec(out) ?? [];
    assert.ok(Number(revision) > 0);
    assert.equal((await federation.run('unexport shop/private --yes --expected-revision 1')).status, 5);
    const back = await federation.run(`unexport shop/private --yes --expected-revision ${revision}`);
    assert.equal(back.status, 0, back.err);
  });

  it('names the cluster that exports an existing name, until it is approved', async () => {
    const second = async () =>
      /^shop\/cart +(\w+) .* EXPORTED_BY_SEVERAL$/m.exec((await federation.run('services')).out)?.[1];
    const cluster = await second();
    assert.ok(cluster);
    const { status, out } = await federation.run(`approve-export shop/cart --clusters ${cluster}`);
    assert.equal(status, 0, out);
    assert.match(out, new RegExp(`^${cluster} approved to export shop/cart`));
    assert.equal(await second(), undefined);
  });

  it('shows those of one namespace, or says that there are none', async () => {
    assert.match((await federation.run('services -n shop')).out, /shop\/orders/);
    assert.match((await federation.run('services -n elsewhere')).out, /no cluster has/);
  });
});
