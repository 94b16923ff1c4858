import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus trust show', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('shows the root and each cluster’s intermediate, with its state and its end', async () => {
    const { status, out } = await federation.run('trust show');
    assert.equal(status, 0);
    assert.match(out, /^TRUST DOMAIN +ISSUER +KEY +STATE +NOT AFTER +KNOWN TO/);
    assert.match(out, /^cluster\.local +root +\d{4}-\d\d-\d\dT[\d:]+Z$/m);
    for (const cluster of ['east', 'west'])
      assert.match(
        out,
        new RegExp(
          `^cluster\\.local +${cluster} +[0-9a-f]{12} +(PENDING|ACTIVE) +\\d{4}-\\d\\d-\\d\\dT`,
          'm',
        ),
      );
  });

  it('has the whole key ids for scripts', async () => {
    const { out } = await federation.run('trust show -o json');
    const [domain] = JSON.parse(out) as { name: string; intermediates: { keyId: string }[] }[];
    assert.equal(domain?.name, 'cluster.local');
    assert.equal(domain.intermediates.length, 2);
    for (const { keyId } of domain.intermediates) assert.ok(keyId.length > 12);
  });
});
