import assert from 'node:assert/strict';
import { makeAuthority } from '../../fakes/authority.ts';
import { ProxyMesh, type Certify, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { identityOf, port, shopIn, twoNetworks } from './shop.ts';

/** Where a handshake happens, and the proxy at either end of it. */
interface Meeting {
  readonly client: TestProxy;
  readonly server: TestProxy;
  readonly call: () => Promise<{ end(): Promise<string> }>;
}

type Layer = 'hbone' | 'outer' | 'inner' | 'istio-mtls';
type Ends = { readonly client?: Certify; readonly server?: Certify };

const gatewayIdentity = identityOf('eastwest-gateway', 'istio-system');

const meetings: Record<Layer, (mesh: ProxyMesh, ends: Ends) => Promise<Meeting>> = {
  async hbone(mesh, { client, server }) {
    const shop = shopIn(mesh);
    const pushed = {
      services: [shop.cart],
      workloads: [
        shop.pod('east', 'front', '17.1'),
        shop.pod('east', 'cart', '18.1', { ...shop.serving(shop.cart, '19.1'), node: 'node-2' }),
      ],
    };
    return {
      client: await mesh.proxy({ cluster: 'east' }, pushed, {}, client),
      server: await mesh.proxy({ cluster: 'east', node: 'node-2' }, pushed, {}, server),
      call: () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port),
    };
  },
  async outer(mesh, { client, server }) {
    const { source, gateway, call } = await twoNetworks(mesh, {
      certify: { ...(client && { client }), ...(server && { gateway: server }) },
    });
    return { client: source, server: gateway, call };
  },
  async inner(mesh, { client, server }) {
    const { source, destination, call } = await twoNetworks(mesh, {
      certify: { ...(client && { client }), ...(server && { server }) },
    });
    return { client: source, server: destination, call };
  },
  async 'istio-mtls'(mesh, { client, server }) {
    const { source, destination, call } = await twoNetworks(mesh, {
      server: 'sidecar',
      certify: { ...(client && { client }), ...(server && { server }) },
    });
    return { client: source, server: destination, call };
  },
};

describe('ztunnel, who is refused at which layer', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  for (const layer of Object.keys(meetings) as Layer[]) {
    const expected = layer === 'outer' ? gatewayIdentity : identityOf('cart');
    const other = layer === 'outer' ? identityOf('cart') : gatewayIdentity;
    const isGateway = layer === 'outer' ? 'a gateway with a pod’s certificate' : 'a pod with a gateway’s';

    it(`${layer}: ${isGateway} is refused by the client, which names both`, async () => {
      const { client, call } = await meetings[layer](mesh, { server: () => mesh.leaf('west', other) });
      assert.equal(await (await call()).end(), '');
      const line = await client.line({ direction: 'outbound' });
      assert.equal(line['error'], `${layer} tls: WRONG_IDENTITY: ${other} answered, expected ${expected}`);
      const failed = client.report().metrics.filter((one) => one.failed > 0);
      assert.deepEqual(
        failed.map(({ labels }) => labels.response_flags),
        ['TLS_FAILURE'],
      );
    });

    it(`${layer}: a server’s foreign twin is refused by the client`, async () => {
      const twin = makeAuthority('cluster.local', 'west');
      const { client, call } = await meetings[layer](mesh, { server: () => twin.leaf(expected) });
      assert.equal(await (await call()).end(), '');
      const line = await client.line({ direction: 'outbound' });
      assert.match(line['error'] ?? '', new RegExp(`^${layer} tls: UNKNOWN_ISSUER: ${expected}: `));
    });

    if (layer === 'inner') continue;
    it(`${layer}: a client’s foreign twin is refused by the server, which names the layer and counts it`, async () => {
      const twin = makeAuthority('cluster.local', 'east');
      const { client, server, call } = await meetings[layer](mesh, { client: (name) => twin.leaf(name) });
      assert.equal(await (await call()).end(), '');
      assert.equal((await server.warning({ reason: 'UNKNOWN_ISSUER' }))['layer'], layer);
      assert.ok(server.report().totals.handshakesFailed >= 1);
      // What Istio mTLS carries has no first frame of the server's: the client sees an end, as of any connection.
      if (layer === 'istio-mtls') return;
      const line = await client.line({ direction: 'outbound' });
      assert.match(line['error'] ?? '', new RegExp(`^${layer} tls: the peer ended the connection`));
    });
  }

  it('inner: a client whom the destination alone refuses hears at which layer', async () => {
    const { client, server, call } = await meetings.inner(mesh, {});
    server.trust(['east']);
    assert.equal(await (await call()).end(), '');
    const line = await client.line({ direction: 'outbound' });
    assert.match(line['error'] ?? '', /^inner tls: the peer ended the connection/);
    const failed = client.report().metrics.filter((one) => one.failed > 0);
    assert.deepEqual(
      failed.map(({ labels }) => labels.response_flags),
      ['TLS_FAILURE'],
    );
    // A destination cannot tell a tunnel within a tunnel from another: it came from the gateway's address.
    const warning = await server.warning({ reason: 'REVOKED_ISSUER' });
    assert.deepEqual([warning['layer'], warning['from']], ['hbone', mesh.at('33.250')]);
  });
});
