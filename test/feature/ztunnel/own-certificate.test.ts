import assert from 'node:assert/strict';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { aWorkload } from '../../fakes/records.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { identityOf, shopIn } from './shop.ts';

const wantedBy = (proxy: TestProxy) =>
  proxy.said.flatMap((one) => (one.kind === 'want-certificate' ? [one.identity] : []));
const renewedBy = (proxy: TestProxy) =>
  proxy.said.flatMap((one) => (one.kind === 'renew-certificate' ? [one.identity] : []));

describe('ztunnel: its own certificates', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  const gatewayOf = (own: object | undefined) =>
    mesh.proxy(
      {
        mode: 'gateway',
        cluster: 'west',
        address: mesh.at('33.250'),
        podName: 'eastwest-gateway',
        serviceAccount: 'eastwest-gateway',
      },
      {
        workloads:
          own === undefined
            ? []
            : [
                aWorkload({
                  uid: 'west//Pod/istio-system/eastwest-gateway',
                  name: 'eastwest-gateway',
                  namespace: 'istio-system',
                  cluster: 'west',
                  serviceAccount: 'eastwest-gateway',
                  addresses: [mesh.at('33.250')],
                  network: 'network-west',
                  ...own,
                }),
              ],
      },
    );

  it('a gateway asks for the identity of the trust domain that the control plane says', async () => {
    const gateway = await gatewayOf({ trustDomain: 'corp.example' as TrustDomain });
    const own = 'spiffe://corp.example/ns/istio-system/sa/eastwest-gateway';
    assert.deepEqual(wantedBy(gateway), [own]);
  });

  it('a gateway whose pod is not known yet asks as it was configured, and follows once it is', async () => {
    const gateway = await gatewayOf(undefined);
    const configured = identityOf('eastwest-gateway', 'istio-system');
    assert.deepEqual(wantedBy(gateway), [configured]);
    const [own] = [
      aWorkload({
        uid: 'west//Pod/istio-system/eastwest-gateway',
        namespace: 'istio-system',
        cluster: 'west',
        trustDomain: 'corp.example' as TrustDomain,
        serviceAccount: 'eastwest-gateway',
        addresses: [mesh.at('33.250')],
        name: 'eastwest-gateway',
        network: 'network-west',
      }),
    ];
    gateway.tell({ workloads: [own] });
    assert.equal(wantedBy(gateway).at(-1), 'spiffe://corp.example/ns/istio-system/sa/eastwest-gateway');
    assert.ok(
      gateway.said.some((one) => one.kind === 'forget-certificate' && one.identity === configured),
      'what is not wanted any more is not asked for again and again',
    );
  });

  it('asks for certificates again whose issuer was revoked or is unknown, and for no others', async () => {
    const shop = shopIn(mesh);
    const east = await mesh.proxy({ cluster: 'east' }, { workloads: [shop.pod('east', 'front', '17.1')] });
    await east.signal.until(() => east.report().totals.listeners > 0 && wantedBy(east).length > 0);
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.deepEqual(renewedBy(east), []);
    east.trust(['west']);
    assert.deepEqual(renewedBy(east), []);
    east.trust(['east']);
    assert.deepEqual(renewedBy(east), [identityOf('front')]);
    east.trust([]);
    const before = renewedBy(east).length;
    east.forgetIssuer('east');
    assert.equal(renewedBy(east).length, before + 1);
  });

  it('says of a new certificate too that its issuer is not trusted', async () => {
    const shop = shopIn(mesh);
    const east = await mesh.proxy({ cluster: 'east' }, { workloads: [] });
    east.trust(['east']);
    east.tell({ workloads: [shop.pod('east', 'front', '17.1')] });
    await east.signal.until(() => renewedBy(east).length === 1);
  });

  it('leaves certificates alone under a control plane that sends no issuers', async () => {
    const shop = shopIn(mesh);
    const east = await mesh.proxy({ cluster: 'east' }, { workloads: [shop.pod('east', 'front', '17.1')] });
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
    east.forgetIssuer('west');
    east.forgetIssuer('east');
    assert.deepEqual(renewedBy(east), []);
  });
});
