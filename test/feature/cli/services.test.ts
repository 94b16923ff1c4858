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
    assert.match(out, /^shop\/cart +west +yes +2\/2 +now$/m);
    assert.match(out, /^shop\/private +east +no +1\/1 +now$/m);
  });

  it('shows those of one namespace, or says that there are none', async () => {
    assert.match((await federation.run('services -n shop')).out, /shop\/orders/);
    assert.match((await federation.run('services -n elsewhere')).out, /no cluster has/);
  });
});
