import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { mock } from 'node:test';
import { WorkloadStore } from '@isthmus/mesh/state/workloads.ts';
import type { Counted } from '@isthmus/ztunnel/telemetry/tcp-metrics.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { aMatch, anAuthorization } from '../../fakes/records.ts';
import { hostname, identityOf, port, shopIn, twoNetworks, type Shop } from './shop.ts';

const echo = (socket: Socket) => void socket.pipe(socket);

describe('ztunnel telemetry', () => {
  let mesh: ProxyMesh;
  let shop: Shop;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    shop = shopIn(mesh);
  });
  afterEach(() => mesh.stop());

  const front = () =>
    shop.pod('east', 'front', '17.1', { locality: { region: 'r1', zone: 'z1', subzone: '' } });
  const callCart = () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
  const counted = (proxy: TestProxy, labels: Partial<Counted['labels']>) =>
    proxy
      .report()
      .metrics.filter((one) =>
        Object.entries(labels).every(([key, value]) => one.labels[key as keyof Counted['labels']] === value),
      )
      .map(({ opened, closed, failed }) => [opened, closed, failed]);

  async function oneNode(over = {}): Promise<TestProxy> {
    const cart = shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), ...over });
    await mesh.serve(mesh.at('18.2'), port, echo);
    return mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [front(), cart] });
  }

  it('the destination of a call inside the network knows the service that was called', async () => {
    const proxy = await oneNode();
    const call = await callCart();
    await call.echo('hello');
    call.socket.end();
    const line = await proxy.line({ direction: 'inbound' });
    assert.equal(line['dst.service'], hostname);
    const labels = { reporter: 'destination', destination_service: hostname, source_region: 'r1' } as const;
    assert.deepEqual(counted(proxy, labels), [[1, 1, 0]]);
  });

  it('each proxy looks up once who called, for its log, its metrics and its list of connections', async () => {
    const { source, destination, call } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    const lookUp = mock.method(WorkloadStore.prototype, 'atAddress');
    try {
      const one = await call();
      await one.echo('hello');
      one.socket.end();
      await destination.line({ direction: 'inbound' });
    } finally {
      lookUp.mock.restore();
    }
    const stores = lookUp.mock.calls
      .filter(({ arguments: [, address] }) => address === mesh.at('33.250'))
      .map((one) => one.this);
    assert.equal(counted(source, { reporter: 'source' }).length, 1);
    // The source looks for a gateway there, the gateway for itself, the destination for its caller.
    assert.equal(stores.length, 3);
    assert.equal(new Set(stores).size, 3);
  });

  it('the destination of a call from another network counts its caller by word, certificate and service', async () => {
    const { source, gateway, destination, call: callFar } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    const call = await callFar();
    await call.echo('hello');
    const caller = { source_workload: 'front', source_cluster: 'east' };
    const labels = { ...caller, reporter: 'destination', destination_service: hostname } as const;
    assert.deepEqual(counted(destination, { ...labels, source_principal: identityOf('front') }), [[1, 0, 0]]);
    const far = { reporter: 'source', destination_workload: 'cart', destination_cluster: 'west' } as const;
    assert.deepEqual(counted(source, far), [[1, 0, 0]]);
    call.socket.end();
    const passed = await gateway.line({ 'dst.addr': `${mesh.at('33.1')}:15008` });
    assert.deepEqual([passed['dst.workload'], passed['src.cluster']], ['cart', 'east']);
  });

  it('a connection that a later policy ends is closed and failed under DENY', async () => {
    const proxy = await oneNode({ authorizationPolicies: ['shop/no-front'] });
    const deny = (account: string) => {
      const principals = [{ kind: 'exact' as const, value: `cluster.local/ns/shop/sa/${account}` }];
      return anAuthorization({ name: 'no-front', action: 'DENY', rules: [[[aMatch({ principals })]]] });
    };
    proxy.tell({ policies: [deny('nobody')] });
    const call = await callCart();
    await call.echo('one');
    proxy.tell({ policies: [deny('front')] });
    await call.end();
    await proxy.line({ direction: 'inbound' });
    assert.deepEqual(counted(proxy, { reporter: 'destination', response_flags: 'DENY' }), [[0, 1, 1]]);
    assert.deepEqual(counted(proxy, { reporter: 'destination', response_flags: '-' }), [[1, 0, 0]]);
  });

  it('a connection that a revocation ends is closed and failed under CERT_REVOKED', async () => {
    const proxy = await oneNode();
    const call = await callCart();
    await call.echo('alive');
    proxy.trust(['east']);
    await call.end();
    await proxy.line({ direction: 'inbound' });
    assert.deepEqual(counted(proxy, { reporter: 'destination', response_flags: 'CERT_REVOKED' }), [
      [0, 1, 1],
    ]);
  });

  it('a call whose destination is refused fails under TLS_FAILURE', async () => {
    const proxy = await oneNode();
    proxy.trust(['east']);
    const refused = await callCart();
    await refused.end();
    assert.deepEqual(counted(proxy, { reporter: 'source', response_flags: 'TLS_FAILURE' }), [[0, 1, 1]]);
  });

  it('sockets that are open are counted at both ends', async () => {
    const proxy = await oneNode();
    const call = await callCart();
    await call.echo('here');
    const { sourceSockets, destinationSockets } = proxy.report().totals;
    assert.deepEqual([sourceSockets, destinationSockets], [1, 1]);
  });
});
