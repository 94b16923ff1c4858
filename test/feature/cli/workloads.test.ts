import assert from 'node:assert/strict';
import { manyWorkloads, startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus workloads', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('asks the cluster’s agent, and shows each workload with its identity', async () => {
    const { status, out } = await federation.run('workloads west');
    assert.equal(status, 0);
    assert.match(out, /^WORKLOAD +NODE +MODE +READY +ADDRESS +IDENTITY/);
    assert.match(
      out,
      /^shop\/cart-0 +west-a +AMBIENT +yes +\S+ +spiffe:\/\/cluster\.local\/ns\/shop\/sa\/cart-0$/m,
    );
  });

  it('shows all of them, also when they are more than a page', async () => {
    const { out } = await federation.run('workloads east --output json');
    assert.deepEqual(
      (JSON.parse(out) as { name: string }[]).map(({ name }) => name),
      manyWorkloads,
    );
  });

  it('ends with 4 when there is no such cluster, and says where to look', async () => {
    const { status, err } = await federation.run('workloads nowhere');
    assert.equal(status, 4);
    assert.match(err, /isthmus clusters/);
  });
});
