import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { Flow } from '@isthmus/mesh/l7/engine.ts';
import { FakeL7 } from '../../fakes/l7-engine.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { aMatch, anAuthorization } from '../../fakes/records.ts';
import { settled } from '../../fakes/turns.ts';
import { hostname, identityOf, port, shopIn, type Shop } from './shop.ts';

const echo = (socket: Socket) => void socket.pipe(socket);

const denyFront = anAuthorization({
  name: 'no-front',
  action: 'DENY',
  rules: [[[aMatch({ principals: [{ kind: 'exact', value: 'cluster.local/ns/shop/sa/front' }] })]]],
});

describe('ztunnel with an L7 engine', () => {
  let mesh: ProxyMesh;
  let shop: Shop;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    shop = shopIn(mesh);
  });
  afterEach(() => mesh.stop());

  const front = () => shop.pod('east', 'front', '17.1');
  const cartPod = (over = {}) =>
    shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), ...over });
  const pushed = (over = {}) => ({ services: [shop.cart], workloads: [front(), cartPod(over)] });
  const proxyWith = (l7: FakeL7): Promise<TestProxy> => mesh.proxy({ cluster: 'east' }, pushed(), { l7 });
  const callCart = () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);

  it('gives it an inbound connection that is let in, dials nothing, and counts and logs what it carries', async () => {
    const l7 = new FakeL7('inbound');
    const proxy = await proxyWith(l7);
    const call = await callCart();
    assert.equal(await call.echo('hello'), 'hello');
    call.socket.end();
    await call.end();
    const line = await proxy.line({ direction: 'inbound' });
    assert.deepEqual([line['bytes_recv'], line['bytes_sent']], ['5', '5']);
    const [flow] = l7.served as [Flow];
    assert.equal(flow.source.peer?.spiffeId, identityOf('front'));
    assert.equal(flow.source.workload?.name, 'front');
    assert.equal(flow.destination.port, port);
    assert.equal(flow.destination.workload?.name, 'cart');
    assert.ok(flow.trace);
  });

  it('delivers a request of it to the application, which is logged by itself', async () => {
    const l7 = new FakeL7('inbound', (flow, l4) => l4.deliver(flow.destination.port, flow.gone));
    const proxy = await proxyWith(l7);
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    assert.equal(await call.echo('to the application'), 'to the application');
    call.socket.end();
    await call.end();
    await proxy.signal.until(
      () => proxy.lines.filter(({ direction }) => direction === 'inbound').length === 2,
    );
  });

  it('reaches a service for a request of an outbound connection', async () => {
    const l7 = new FakeL7('outbound', async (flow, l4) => {
      const service = flow.destination.service?.key ?? '';
      const { stream, peer } = await l4.reach({ service, port: flow.destination.port }, flow.gone);
      assert.equal(peer?.spiffeId, identityOf('cart'));
      return stream;
    });
    const proxy = await proxyWith(l7);
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    assert.equal(await call.echo('through a request'), 'through a request');
    call.socket.end();
    await call.end();
    const inbound = await proxy.line({ direction: 'inbound' });
    assert.equal(inbound['src.identity'], identityOf('front'));
    const outbound = proxy.lines.filter((line) => line['direction'] === 'outbound');
    assert.equal(outbound.length, 2);
    assert.equal(outbound[0]?.['dst.service'], hostname);
  });

  it('ends a flow by a later denial, and its requests too', async () => {
    const l7 = new FakeL7('inbound', (flow, l4) => l4.deliver(flow.destination.port, flow.gone));
    const proxy = await proxyWith(l7);
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    await call.echo('allowed');
    proxy.tell({
      ...pushed({ authorizationPolicies: [denyFront.key] }),
      policies: [denyFront],
    });
    await call.end().catch(() => undefined);
    await proxy.signal.until(
      () => proxy.lines.filter(({ direction }) => direction === 'inbound').length === 2,
    );
    for (const line of proxy.lines.filter(({ direction }) => direction === 'inbound'))
      assert.match(line['error'] ?? '', /^late denial: policy shop\/no-front/);
    assert.match(l7.ended.join(), /late denial: policy shop\/no-front/);
  });

  it('delivers to no port that the caller of the flow may not reach', async () => {
    const errors: string[] = [];
    const l7 = new FakeL7('inbound', (flow, l4) =>
      l4.deliver(port + 1, flow.gone).catch((error: unknown) => {
        errors.push(String(error));
        throw error;
      }),
    );
    const policy = anAuthorization({
      name: 'one-port',
      action: 'DENY',
      rules: [[[aMatch({ destinationPorts: [port + 1] })]]],
    });
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { ...pushed({ authorizationPolicies: [policy.key] }), policies: [policy] },
      { l7 },
    );
    const call = await callCart();
    await call.end().catch(() => undefined);
    assert.match(errors.join(), /policy shop\/one-port/);
    await proxy.signal.until(
      () => proxy.lines.filter(({ direction }) => direction === 'inbound').length === 2,
    );
  });

  it('tells it of every delta, and waits for it when it drains', async () => {
    const l7 = new FakeL7('inbound');
    const proxy = await proxyWith(l7);
    assert.ok(l7.applied.length >= 3);
    const { release } = l7.hold();
    const stopped = proxy.stop();
    await settled();
    assert.equal(
      proxy.said.some(({ kind }) => kind === 'drained'),
      false,
    );
    release();
    await stopped;
  });
});
