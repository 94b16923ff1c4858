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
    assert.match(out, /^shop\/cart +east +yes +2\/2 +now$/m);
    assert.match(out, /^shop\/cart +west +yes +2\/2 +now/m);
    assert.match(out, /^shop\/private +east +no +1\/1 +now$/m);
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
