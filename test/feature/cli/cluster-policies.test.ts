import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus policy list --cluster', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('lists the policies that the cluster itself has, and below them why one is not enforced', async () => {
    const { status, out } = await federation.run('policy list --cluster east');
    assert.equal(status, 0);
    const [heading, cart, mesh, why] = out.trimEnd().split('\n');
    assert.match(heading ?? '', /^POLICY +KIND +ACTION +SELECTS +ACCEPTED +ENFORCED$/);
    assert.match(cart ?? '', /^shop\/cart +AuthorizationPolicy +ALLOW +app=cart +Accepted +Enforced$/);
    assert.match(mesh ?? '', /^istio-system\/mesh +PeerAuthentication +STRICT +all +Accepted +Pending$/);
    assert.equal(why, 'PeerAuthentication istio-system/mesh: Pending: it is being sent to proxies');
  });

  it('lists those of one namespace, and says when there is none', async () => {
    const { out } = await federation.run('policy list --cluster east --namespace shop --output json');
    assert.deepEqual(
      (JSON.parse(out) as { name: string }[]).map(({ name }) => name),
      ['cart'],
    );
    const none = await federation.run('policy list --cluster east --namespace elsewhere');
    assert.match(none.out, /east has no such policies/);
  });

  it('ends with 4 when there is no such cluster, and with 2 for a namespace without a cluster', async () => {
    assert.equal((await federation.run('policy list --cluster nowhere')).status, 4);
    assert.equal((await federation.run('policy list --namespace shop')).status, 2);
  });
});
