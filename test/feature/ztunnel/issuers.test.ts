import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { identityOf, port, shopIn, twoNetworks } from './shop.ts';

const echo = (socket: Socket) => void socket.pipe(socket);
const cartBy = (cluster: string) => new RegExp(`${identityOf('cart')} was issued by cluster ${cluster}`);

describe('ztunnel: the issuer of a certificate and the cluster that it vouches for', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** A call that is refused, and what the caller's proxy logs of it. */
  const refusedCall = async ({ source, call }: Awaited<ReturnType<typeof twoNetworks>>) => {
    assert.equal(await (await call()).end(), '');
    return (await source.line({ direction: 'outbound' }))['error'] ?? '';
  };

  it('refuses a destination inside a double tunnel that another cluster’s intermediate vouches for', async () => {
    const world = await twoNetworks(mesh, { certify: { server: (id) => mesh.leaf('east', id) } });
    const error = await refusedCall(world);
    assert.match(error, /^inner tls: WRONG_CLUSTER/);
    assert.match(error, cartBy('east'));
    assert.match(error, /expected one of cluster west/);
  });

  it('refuses a gateway that another cluster’s intermediate vouches for', async () => {
    const world = await twoNetworks(mesh, { certify: { gateway: (id) => mesh.leaf('east', id) } });
    assert.match(await refusedCall(world), /^outer tls: WRONG_CLUSTER/);
    assert.equal(world.source.report().totals.pooled, 0);
  });

  for (const [name, ends] of Object.entries({
    'a sidecar behind 15443': { server: 'sidecar' },
    'an ambient pod behind 15443': { client: 'sidecar', classicClients: true },
  } as const))
    it(`refuses ${name} that another cluster’s intermediate vouches for`, async () => {
      const world = await twoNetworks(mesh, { ...ends, certify: { server: (id) => mesh.leaf('east', id) } });
      assert.match(await refusedCall(world), /^istio-mtls tls: WRONG_CLUSTER/);
    });

  /** A caller and a cart in one network, each with its proxy. */
  const oneNetwork = async (certify: (id: string) => ReturnType<ProxyMesh['leaf']>) => {
    const shop = shopIn(mesh);
    const [front, cart] = [
      shop.pod('east', 'front', '17.1'),
      shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), node: 'node-2' }),
    ];
    const pushed = { services: [shop.cart], workloads: [front, cart] };
    const source = await mesh.proxy({ cluster: 'east' }, pushed);
    const destination = await mesh.proxy({ cluster: 'east', node: 'node-2' }, pushed, {}, certify);
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
    return { source, destination, call };
  };

  it('refuses a pod of its own network that another cluster’s intermediate vouches for', async () => {
    const { source, call } = await oneNetwork((id) => mesh.leaf('west', id));
    assert.equal(await (await call()).end(), '');
    const { error } = await source.line({ direction: 'outbound' });
    assert.match(error ?? '', /^hbone tls: WRONG_CLUSTER/);
  });

  it('takes a pod of its own network that its own cluster’s intermediate vouches for', async () => {
    const { call } = await oneNetwork((id) => mesh.leaf('east', id));
    assert.equal(await (await call()).echo('own'), 'own');
  });

  it('refuses a caller whose cluster may not host its namespace, at the gateway and at the destination', async () => {
    const world = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    assert.equal(await (await world.call()).echo('allowed'), 'allowed');
    // The destination alone knows: the gateway has yet to hear of it.
    world.destination.trust([], { east: ['pay'] });
    const reason = 'NAMESPACE_NOT_ALLOWED';
    assert.equal(await (await world.call()).end(), '');
    const { error } = await world.destination.warning({ reason, layer: 'hbone' });
    assert.match(String(error), /sa\/front was issued by cluster east, which may host pay only/);
    world.gateway.trust([], { east: ['pay'] });
    assert.equal(await (await world.call()).end(), '');
    await world.gateway.warning({ reason, layer: 'outer' });
    world.gateway.trust([], { east: ['shop'] });
    world.destination.trust([], { east: ['shop'] });
    assert.equal(await (await world.call()).echo('again'), 'again');
  });

  it('ends live connections of a namespace that their cluster may host no longer', async () => {
    const { destination, call } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    const calling = await call();
    await calling.echo('alive');
    destination.trust([], { east: ['pay'] });
    await calling.end();
    const line = await destination.line({ direction: 'inbound' });
    assert.match(line['error'] ?? '', /^late denial: NAMESPACE_NOT_ALLOWED/);
  });

  it('takes the gateway of a cluster that may host the service’s namespace only', async () => {
    const { source, call } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    source.trust([], { west: ['shop'] });
    assert.equal(await (await call()).echo('through'), 'through');
    assert.equal(source.report().totals.pooled, 1);
  });
});
