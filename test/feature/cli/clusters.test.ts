import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus clusters', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('shows each cluster, what it could not read, and the revision for --expected-revision', async () => {
    const { status, out } = await federation.run('clusters');
    assert.equal(status, 0);
    assert.match(out, /^CLUSTER +STATE +DRAIN +NETWORK +PROXIES +REJECTED +AS OF +REVISION/);
    assert.match(out, /^east +ACTIVE +- +network-east +0 +1 +now +\d+ +AWAITING_ACKNOWLEDGEMENT$/m);
    assert.match(out, /^west +ACTIVE/m);
  });

  it('has for scripts what was rejected and why', async () => {
    const { out } = await federation.run('clusters --output json');
    const [east] = JSON.parse(out) as { name: string; rejections: object[]; admission: string }[];
    assert.deepEqual(east?.rejections, [{ object: 'Pod shop/odd', field: 'spec', reason: 'it is odd' }]);
    assert.equal(east.admission, 'ADMITTED');
  });
});
