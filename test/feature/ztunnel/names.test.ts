import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import packet from 'dns-packet';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { metricsPage } from '@isthmus/ztunnel/admin/metrics-page.ts';
import { ProxyMesh, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { TestResolver, type Said } from '../../fakes/resolver.ts';
import { decoded, questionBytes } from '../../ztunnel/dns/asked.ts';
import { shopIn } from './shop.ts';

const dnsPort = 15053;
const many = Array.from({ length: 300 }, (_, i) => `192.0.2.${i & 255}`);

/** What the network of the pods knows. */
function known(name: string, type: string): Said {
  if (name === 'www.elsewhere.org' && type === 'A') return [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }];
  if (name === 'text.elsewhere.org' && type === 'TXT') return [{ type: 'TXT', name, ttl: 60, data: 'hello' }];
  if (name === 'large.elsewhere.org') return many.map((data) => ({ type: 'A', name, ttl: 60, data }));
  return 3;
}

describe('names in a pod, by its proxy', () => {
  let mesh: ProxyMesh;
  let proxy: TestProxy;
  let resolver: TestResolver;
  let client: Resolver;

  const vip = (rest: string) => ({ network: 'network-east', address: mesh.at(rest), prefix: undefined });
  const services = (): readonly Service[] => [
    shopIn(mesh).cart,
    aService({ name: 'far', namespace: 'other', addresses: [vip('20.2')], inClusterset: true }),
    aService({ name: 'api', hostname: 'api.example.com', canonical: false, addresses: [vip('20.3')] }),
    aService({ name: 'peers' }),
  ];
  const peers = () =>
    Array.from({ length: 150 }, (_, i) =>
      aWorkload({
        uid: `east//Pod/shop/peer-${i}`,
        addresses: [mesh.at(`30.${i + 1}`)],
        node: 'elsewhere',
        services: new Map([['shop/peers.shop.svc.cluster.local', []]]),
      }),
    );

  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    resolver = await TestResolver.start({ address: mesh.at('9.9'), port: 5300 }, known);
    const front = shopIn(mesh).pod('east', 'front', '17.1', {
      canonicalName: 'front',
      canonicalRevision: 'v1',
    });
    proxy = await mesh.proxy(
      {
        cluster: 'east',
        resolvers: { nameservers: [resolver.at], search: ['istio-system.svc.cluster.local', 'corp.example'] },
      },
      { workloads: [front, ...peers()], services: services() },
    );
    client = new Resolver({ timeout: 2000, tries: 1 });
    client.setServers([`${mesh.at('17.1')}:${dnsPort}`]);
  });

  afterEach(async () => {
    client.cancel();
    await resolver.stop().catch(() => undefined);
    await mesh.stop();
  });

  const code = async (asking: Promise<unknown>): Promise<string> => {
    try {
      await asking;
      return 'answered';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    }
  };

  it('are those of services, of hosts of ServiceEntries, and of services that only other clusters have', async () => {
    for (const [name, rest] of [
      ['cart.shop.svc.cluster.local', '20.1'],
      ['cart', '20.1'],
      ['cart.shop.svc.cluster.local.shop.svc.cluster.local', '20.1'],
      ['far.other', '20.2'],
      ['far.other.svc.cluster.local', '20.2'],
      ['far.other.svc.clusterset.local', '20.2'],
      ['API.Example.com', '20.3'],
      ['api.example.com.corp.example', '20.3'],
    ] as const)
      assert.deepEqual(await client.resolve4(name), [mesh.at(rest)], name);
    assert.equal(await code(client.resolve6('cart')), 'ENODATA');
    assert.deepEqual(resolver.asked, [], 'nobody else is asked');
  });

  it('of other kinds, and of nobody in the mesh, are the resolver’s to answer, from the pod’s address', async () => {
    assert.deepEqual(await client.resolve4('www.elsewhere.org'), ['192.0.2.1']);
    assert.deepEqual(await client.resolveTxt('text.elsewhere.org'), [['hello']]);
    assert.equal(await code(client.resolve4('nobody.shop.svc.cluster.local')), 'ENOTFOUND');
    assert.equal(await code(client.resolveSrv('cart.shop.svc.cluster.local')), 'ENOTFOUND');
    // The search list of the proxy's own namespace is not the pod's.
    assert.equal(await code(client.resolve4('cart.istio-system.svc.cluster.local')), 'ENOTFOUND');
    assert.deepEqual([...new Set(resolver.asked.map(({ from }) => from.address))], [mesh.at('17.1')]);
    assert.equal(new Set(resolver.asked.map(({ from }) => from.port)).size, resolver.asked.length);
  });

  it('resolve while the resolver is down, which is said at once of the others', async () => {
    await resolver.stop();
    assert.deepEqual(await client.resolve4('cart.shop.svc.cluster.local'), [mesh.at('20.1')]);
    assert.deepEqual(await client.resolve4('far.other.svc.clusterset.local'), [mesh.at('20.2')]);
    assert.equal(await code(client.resolve4('www.elsewhere.org')), 'ESERVFAIL');
  });

  it('follow the state', async () => {
    const { cart } = shopIn(mesh);
    proxy.tell({}, [cart.key]);
    assert.equal(await code(client.resolve4('cart')), 'ENOTFOUND');
    proxy.tell({ services: [{ ...cart, addresses: [vip('20.9')] }] });
    assert.deepEqual(await client.resolve4('cart'), [mesh.at('20.9')]);
  });

  it('with more addresses than fit a datagram are asked for again over TCP', async () => {
    const found = await client.resolve4('peers.shop.svc.cluster.local');
    assert.deepEqual(new Set(found), new Set(peers().flatMap(({ addresses }) => addresses)));
  });

  it('with more addresses than fit a datagram come whole from the resolver too', async () => {
    assert.deepEqual(await client.resolve4('large.elsewhere.org'), many);
    assert.ok(resolver.asked.some(({ over }) => over === 'tcp'));
  });

  it('are not taken from somebody who guesses the port and does not know the id, or is not the resolver', async () => {
    const liar = createSocket('udp4');
    liar.bind({ address: mesh.at('9.8'), port: 0 });
    await once(liar, 'listening');
    try {
      resolver.onDatagram = (bytes, from) => {
        const { id = 0, questions = [] } = packet.decode(bytes);
        const answers = [{ type: 'A' as const, name: 'www.elsewhere.org', data: '203.0.113.66' }];
        const lie = packet.encode({ type: 'response', id, questions, answers });
        liar.send(lie, from.port, from.address);
      };
      for (let i = 0; i < 20; i++)
        assert.deepEqual(await client.resolve4('www.elsewhere.org'), ['192.0.2.1']);
    } finally {
      liar.close();
    }
  });

  it('are counted, with who asked', async () => {
    await client.resolve4('cart');
    await client.resolve4('www.elsewhere.org');
    await resolver.stop();
    await code(client.resolveTxt('text.elsewhere.org'));
    const control = { connected: true, policies: 0, certificates: new Map<string, number>() };
    const { text } = await metricsPage([proxy.report(), proxy.report()], control);
    const line = (start: string, ...parts: readonly string[]) =>
      text
        .split('\n')
        .find((one) => one.startsWith(start) && parts.every((part) => one.includes(part)))
        ?.split(' ')
        .at(-1);
    const front = 'source_canonical_service="front",source_canonical_revision="v1"';
    const a = `request_query_type="a",request_protocol="udp",${front}`;
    const txt = `request_query_type="txt",request_protocol="udp",${front}`;
    // Two workers that have counted the same.
    assert.equal(line('istio_dns_requests_total', a), '4');
    assert.equal(line('istio_dns_upstream_requests_total', a), '2');
    assert.equal(line('istio_dns_upstream_failures_total', a), '0');
    assert.equal(line('istio_dns_upstream_failures_total', txt), '2');
    assert.equal(line('istio_dns_upstream_request_duration_seconds_bucket', a, 'le="5"'), '2');
    assert.equal(line('istio_dns_upstream_request_duration_seconds_bucket', a, 'le="+Inf"'), '2');
    assert.equal(line('istio_dns_upstream_request_duration_seconds_count', txt), '2');
  });

  const framed = (...messages: readonly Buffer[]) =>
    Buffer.concat(
      messages.flatMap((one) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(one.length);
        return [length, one];
      }),
    );
  const dial = async (): Promise<Socket> => {
    const socket = connect({ host: mesh.at('17.1'), port: dnsPort, localAddress: mesh.at('17.1') });
    await once(socket, 'connect');
    return socket;
  };

  it('over TCP are answered one by one on a connection, in whatever pieces they come, until it ends', async () => {
    const socket = await dial();
    const bytes = framed(
      questionBytes('cart', 'A', { id: 1 }),
      questionBytes('www.elsewhere.org', 'A', { id: 2 }),
    );
    for (const byte of bytes) socket.write(Buffer.from([byte]));
    socket.end();
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    const first = decoded(all.subarray(2, 2 + all.readUInt16BE(0)));
    const second = decoded(all.subarray(4 + all.readUInt16BE(0)));
    assert.deepEqual(
      [first, second].map(({ id, answers = [] }) => [id, ...answers.map((one) => 'data' in one && one.data)]),
      [
        [1, mesh.at('20.1')],
        [2, '192.0.2.1'],
      ],
    );
  });

  it('over TCP end with a message that is no question', async () => {
    const socket = await dial();
    const answer = questionBytes('cart', 'A', { type: 'response' });
    socket.write(framed(answer));
    socket.resume();
    await once(socket, 'close');
  });
});
