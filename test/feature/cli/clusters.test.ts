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
    assert.match(out, /^CLUSTER +STATE +DRAIN +NETWORK +NODES +REPLICAS +PROXIES +REJECTED +AS OF +REVISION/);
    assert.match(
      out,
      /^east +ACTIVE +- +network-east +1 in region-a +main +0 +121 +now +\d+ +AWAITING_ACKNOWLEDGEMENT$/m,
    );
    assert.match(out, /^west +ACTIVE/m);
  });

  it('has for scripts what was rejected and why', async () => {
    const { out } = await federation.run('clusters --output json');
    const [east] = JSON.parse(out) as {
      name: string;
      rejections: Record<string, string>[];
      rejectionCounts: object;
      admission: string;
    }[];
    assert.deepEqual(
      east?.rejections
        .slice(0, 2)
        .map(({ code, severity, object, field }) => [code, severity, object, field]),
      [
        ['INVALID_FIELD', 'ERROR', 'Pod shop/odd', 'spec'],
        ['NOT_APPLIED', 'WARNING', 'Service shop/part-0', 'spec.x'],
      ],
    );
    assert.equal(east.rejections.length, 100);
    assert.deepEqual(east.rejectionCounts, { errors: 1, warnings: 120, infos: 0 });
    assert.equal(east.admission, 'ADMITTED');
  });
});
