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
    assert.match(out, /^WORKLOAD +NODE +MODE +READY +HEALTH +ADDRESS +IDENTITY +WHY/);
    assert.match(
      out,
      /^shop\/cart-0 +west-a +AMBIENT +yes +healthy +\S+ +spiffe:\/\/cluster\.local\/ns\/shop\/sa\/cart-0$/m,
    );
  });

  it('shows which are not healthy and why, and what rests on what was last known', async () => {
    const { out } = await federation.run('workloads east');
    assert.match(out, /^shop\/orders-000 .* yes +PROXY_MISSING .* Node east-a has no ztunnel$/m);
    assert.match(out, /^shop\/orders-001 .* yes +healthy \(stale\) /m);
    const json = JSON.parse((await federation.run('workloads east -o json')).out) as { health: object }[];
    assert.deepEqual(json[0]?.health, {
      healthy: false,
      reason: 'PROXY_MISSING',
      stale: false,
      message: 'Node east-a has no ztunnel',
      remedy: 'run a pod of service account istio-system/ztunnel on Node east-a',
    });
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
