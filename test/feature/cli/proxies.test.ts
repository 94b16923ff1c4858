import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus proxies', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('shows of a proxy of ours what it reports on itself', async () => {
    const { status, out } = await federation.run('proxies west');
    assert.equal(status, 0);
    assert.match(
      out,
      /^PROXY +NODE +VERSION +CONNECTED SINCE +ACKNOWLEDGED +REJECTED +CERTIFICATES +UNBOUND +OPEN$/m,
    );
    assert.match(
      out,
      /^ztunnel istio-system\/ztunnel-a +node-a +0\.1\.0 +2030-01-30T00:00:00Z +12 +1 Address +1, until 2030-01-31T03:00:00Z +127\.0\.0\.9:80 EACCES +7$/m,
    );
  });

  it('shows of Istio’s own what xDS and the CA tell, and says of the rest that it is not reported', async () => {
    const { out } = await federation.run('proxies west');
    assert.match(
      out,
      /^ztunnel istio-system\/ztunnel-b +node-a +Istio 1\.31\.0 .* 1 issued, until 2030-01-31T03:00:00Z +not reported +not reported$/m,
    );
  });

  it('says none of a proxy that reports no certificate, and not reported of one that does not report', async () => {
    const { out } = await federation.run('proxies west');
    assert.match(out, /ztunnel-c .* none +127\.0\.0\.9:80 EACCES +7$/m);
    assert.match(out, /ztunnel-d .* 1 Address +not reported +not reported +not reported$/m);
  });

  it('has everything in JSON', async () => {
    const { out } = await federation.run('proxies west -o json');
    const [ours, upstream] = JSON.parse(out) as { self: { destinations: object[] } | null }[];
    assert.deepEqual(ours?.self?.destinations, [
      { service: 'shop/cart', requests: 9, failures: 1, inFlight: 0 },
    ]);
    assert.equal(upstream?.self, null);
  });

  it('ends with 4 when there is no such cluster', async () => {
    const { status, err } = await federation.run('proxies nowhere');
    assert.equal(status, 4);
    assert.match(err, /isthmus clusters/);
  });
});
