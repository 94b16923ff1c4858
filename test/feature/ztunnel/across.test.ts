import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { acceptTls } from '../../fakes/tls-on-sockets.ts';
import { hostname, identityOf, port, shopIn, twoNetworks } from './shop.ts';

const echo = (socket: Socket) => void socket.pipe(socket);
const gatewayIdentity = identityOf('eastwest-gateway', 'istio-system');

const dials = (gateway: TestProxy): number => gateway.report().totals.gatewayDials;

describe('ztunnel, across networks', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  it('carries a call in a tunnel within a tunnel: both ends know both names, the gateway sees no byte', async () => {
    const { source, gateway, destination, call } = await twoNetworks(mesh, { gatewayTap: true });
    await mesh.serve(mesh.at('34.1'), port, echo);
    const calling = await call();
    await calling.echo('a marker that nobody between may read');
    calling.socket.end();
    await calling.end();
    const names = { 'src.identity': identityOf('front'), 'dst.identity': identityOf('cart') };
    const outbound = await source.line({ direction: 'outbound' });
    const inbound = await destination.line({ direction: 'inbound' });
    for (const line of [outbound, inbound])
      assert.deepEqual({ ...line, ...names, 'dst.hbone_addr': `${hostname}:${port}` }, line);
    assert.equal(outbound['dst.addr'], `${mesh.at('33.250')}:15008`);
    assert.match(inbound['src.addr'] ?? '', new RegExp(`^${mesh.at('33.250')}:`));
    assert.equal(inbound['src.cluster'], 'east');
    const passed = await gateway.line({ direction: 'inbound' });
    assert.equal(passed['src.identity'], identityOf('front'));
    assert.equal(passed['dst.addr'], `${mesh.at('33.1')}:15008`);
    assert.equal(Buffer.concat(gateway.tapped).includes('marker'), false);
    assert.ok(gateway.tapped.length > 0);
  });

  const byPassthrough = {
    'ambient to sidecar': { server: 'sidecar' },
    'sidecar to ambient': { client: 'sidecar', classicClients: true },
    'sidecar to sidecar': { client: 'sidecar', server: 'sidecar' },
  } as const;
  for (const [name, ends] of Object.entries(byPassthrough))
    it(`carries ${name} by Istio mTLS through 15443, which the gateway does not open`, async () => {
      const { source, gateway, destination, call } = await twoNetworks(mesh, { ...ends, gatewayTap: true });
      await mesh.serve(mesh.at('34.1'), port, echo);
      const calling = await call();
      await calling.echo('a marker that nobody between may read');
      calling.socket.end();
      await calling.end();
      const names = { 'src.identity': identityOf('front'), 'dst.identity': identityOf('cart') };
      const outbound = await source.line({ direction: 'outbound' });
      const inbound = await destination.line({ direction: 'inbound' });
      for (const line of [outbound, inbound]) assert.deepEqual({ ...line, ...names }, line);
      assert.equal(outbound['dst.addr'], `${mesh.at('33.250')}:15443`);
      const passed = await gateway.line({ direction: 'inbound' });
      assert.equal(passed['dst.hbone_addr'], `outbound_.${port}_._.${hostname}`);
      assert.equal(passed['src.identity'], undefined);
      assert.equal(Buffer.concat(gateway.tapped).includes('marker'), false);
    });

  it('ends live connections of a service that is exported no more, at the destination', async () => {
    const { destination, shop, call } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    const calling = await call();
    await calling.echo('alive');
    destination.tell({ services: [{ ...shop.granted, exported: false }] });
    await calling.end();
    const line = await destination.line({ direction: 'inbound' });
    assert.match(line['error'] ?? '', /^late denial: NOT_GRANTED/);
  });

  it('revoking the gateway’s cluster ends the tunnels through it', async () => {
    const { source, call } = await twoNetworks(mesh);
    await mesh.serve(mesh.at('34.1'), port, echo);
    const calling = await call();
    await calling.echo('alive');
    source.trust(['west']);
    await calling.end();
    assert.equal(source.report().totals.pooled, 0);
  });

  it('a gateway whose cluster is revoked between its handshake and its first frame carries nothing', async () => {
    const shop = shopIn(mesh);
    const source = await mesh.proxy(
      { cluster: 'east' },
      {
        services: [shop.cart],
        workloads: [shop.pod('east', 'front', '17.1'), shop.gateway, shop.entry('hbone')],
      },
    );
    let connects = 0;
    const impostor = async (socket: Socket): Promise<void> => {
      const common = { credentials: mesh.leaf('west', gatewayIdentity), alpn: ['h2'], timeoutMillis: 5000 };
      const { stream } = await acceptTls(socket, {
        ...common,
        table: mesh.table('east'),
        clock: systemClock,
        layer: 'outer',
      });
      source.trust(['west']);
      nodeHttp2(systemClock).server(stream, () => connects++);
    };
    await mesh.serve(mesh.at('33.250'), 15008, (socket) => void impostor(socket));
    const calling = await mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
    assert.equal(await calling.end(), '');
    const line = await source.line({ direction: 'outbound' });
    assert.match(line['error'] ?? '', /^outer tls: REVOKED_ISSUER: .* which is revoked/);
    assert.deepEqual([connects, source.report().totals.pooled], [0, 0]);
  });

  it('a gateway without a healthy endpoint says 503, and the next candidate is dialled', async () => {
    const { source, gateway, shop, cart, call } = await twoNetworks(mesh);
    const near = shop.pod('east', 'cart-east', '17.2', {
      ...shop.serving(shop.cart, '18.2'),
      serviceAccount: 'cart',
      capacity: 0,
    });
    source.tell({ workloads: [near] });
    await mesh.serve(mesh.at('18.2'), port, echo);
    gateway.tell({ workloads: [{ ...cart, status: 'UNHEALTHY' }] });
    assert.equal(await (await call()).echo('elsewhere'), 'elsewhere');
    const refused = await gateway.line({ direction: 'inbound' });
    assert.match(refused['error'] ?? '', /^NO_HEALTHY_ENDPOINT/);
    const failed = gateway.report().metrics.filter((one) => one.failed > 0);
    assert.deepEqual(
      failed.map(({ labels }) => labels.response_flags),
      ['CONNECT'],
      'what cannot be served is not a denial',
    );
    assert.equal(dials(gateway), 0);
  });

  it('a gateway that does not know the service says 404: the next candidate is dialled, and first by later calls', async () => {
    const { source, gateway, shop, call } = await twoNetworks(mesh);
    const near = shop.pod('east', 'cart-east', '17.2', {
      ...shop.serving(shop.cart, '18.2'),
      serviceAccount: 'cart',
      capacity: 0,
    });
    source.tell({ workloads: [near] });
    await mesh.serve(mesh.at('18.2'), port, echo);
    gateway.tell({ services: [{ ...shop.granted, exported: false }] });
    // More calls than the budget has retries: a stale gateway must not use it up.
    for (let i = 0; i < 10; i++) assert.equal(await (await call()).echo(`call ${i}`), `call ${i}`);
    const refused = await gateway.line({ direction: 'inbound' });
    assert.match(refused['error'] ?? '', /^NOT_EXPORTED/);
    assert.equal(gateway.lines.filter(({ direction }) => direction === 'inbound').length, 1);
    assert.equal(dials(gateway), 0);
  });

  it('honours the place that the outer CONNECT asks for', async () => {
    const place = (zone: string) => ({ region: 'eu', zone, subzone: '' });
    const world = await twoNetworks(mesh);
    const { source, gateway, destination, shop, cart, entry, call } = world;
    const other = shop.pod('west', 'cart-b', '33.2', {
      ...shop.serving(shop.granted, '34.2'),
      serviceAccount: 'cart',
      locality: place('b'),
      capacity: 1_000_000,
    });
    const workloads = [{ ...cart, locality: place('a') }, other];
    for (const proxy of [gateway, destination]) proxy.tell({ workloads });
    source.tell({ workloads: [{ ...entry, locality: place('a') }] });
    await mesh.serve(mesh.at('34.1'), port, (socket) => socket.end('zone a'));
    assert.equal(await (await call()).end(), 'zone a');
    source.tell({ workloads: [{ ...entry, locality: place('c') }] });
    assert.equal(await (await call()).end(), '');
    const line = await gateway.line({
      error: `NO_HEALTHY_ENDPOINT: ${hostname} has no endpoint in west/eu/c that can be forwarded to`,
    });
    assert.equal(line['src.identity'], identityOf('front'));
  });

  it('a server that speaks first is heard behind 15443, where the first byte distinguishes plaintext from mTLS', async () => {
    const { destination } = await twoNetworks(mesh, { classicClients: true });
    await mesh.serve(mesh.at('34.1'), port, (socket) => {
      socket.write('220 ready\n');
      socket.resume().on('end', () => socket.end());
    });
    const silent = await mesh.call(mesh.at('33.9'), mesh.at('33.1'), port);
    await silent.until('220 ready\n');
    silent.socket.end();
    const line = await destination.line({ direction: 'inbound' });
    assert.equal(line['src.identity'], undefined);
  });

  it('and where it is STRICT, a client that is silent is closed', async () => {
    const { destination, cart } = await twoNetworks(mesh, { classicClients: true });
    destination.tell({ workloads: [{ ...cart, strict: true }] });
    const silent = await mesh.call(mesh.at('33.9'), mesh.at('33.1'), port);
    assert.equal(await silent.end(), '');
    assert.match((await destination.line({ direction: 'inbound' }))['error'] ?? '', /^STRICT/);
  });

  describe('the gateway is not a relay', () => {
    const cases: Record<string, { hostname: string; at: string; status: number }> = {
      'a service that is not exported': {
        hostname: 'secret.shop.svc.cluster.local',
        at: '33.3',
        status: 404,
      },
      'a host that nobody knows': { hostname: 'nobody.shop.svc.cluster.local', at: '33.3', status: 404 },
      localhost: { hostname: 'localhost', at: '33.3', status: 404 },
      'a service of another network': { hostname: 'far.shop.svc.cluster.local', at: '33.3', status: 503 },
    };
    for (const [what, { hostname: wanted, at, status }] of Object.entries(cases))
      it(`${what} is refused, and nothing is dialled`, async () => {
        const { source, gateway, shop } = await twoNetworks(mesh);
        const named = (name: string) => ({ ...shop.granted, name, hostname: wanted, key: `shop/${wanted}` });
        const member = (network: string) =>
          shop.pod('west', 'trap', at, {
            network,
            services: new Map([[`shop/${wanted}`, [{ servicePort: port, targetPort: port }]]]),
          });
        if (what === 'a service that is not exported')
          gateway.tell({
            services: [{ ...named('secret'), exported: false }],
            workloads: [member('network-west')],
          });
        if (what === 'a service of another network')
          gateway.tell({ services: [named('far')], workloads: [member('network-south')] });
        let trapped = 0;
        for (const trap of [port, 15008]) await mesh.serve(mesh.at(at), trap, () => trapped++);
        const virtual = { network: 'network-east', address: mesh.at('20.9'), prefix: undefined };
        const service = { ...shop.cart, ...named('wanted'), addresses: [virtual] };
        const entry = shop.entry('hbone', {
          uid: 'network-west/SplitHorizonWorkload/wanted',
          services: new Map([[service.key, [{ servicePort: port, targetPort: port }]]]),
        });
        source.tell({ services: [service], workloads: [entry] });
        const calling = await mesh.call(mesh.at('17.1'), mesh.at('20.9'), port);
        assert.equal(await calling.end(), '');
        const line = await source.line({ direction: 'outbound' });
        assert.match(line['error'] ?? '', new RegExp(`outer CONNECT .* was answered ${status}`));
        assert.deepEqual([trapped, dials(gateway), gateway.report().totals.gatewayRefusals], [0, 0, 1]);
      });

    it('names that are no passthrough names are closed without a dial', async () => {
      const { gateway } = await twoNetworks(mesh);
      const calling = await mesh.call(mesh.at('33.9'), mesh.at('33.250'), 15443);
      calling.socket.write('GET / HTTP/1.1\r\n\r\n');
      assert.equal(await calling.end(), '');
      assert.match((await gateway.line({ direction: 'inbound' }))['error'] ?? '', /^BAD_REQUEST/);
      assert.equal(dials(gateway), 0);
    });
  });

  it('the gateway proves itself by its own name', async () => {
    const { source, call } = await twoNetworks(mesh, {
      certify: { gateway: () => mesh.leaf('west', identityOf('cart')) },
    });
    assert.equal(await (await call()).end(), '');
    const line = await source.line({ direction: 'outbound' });
    assert.equal(
      line['error'],
      `outer tls: WRONG_IDENTITY: ${identityOf('cart')} answered, expected ${gatewayIdentity}`,
    );
  });
});
