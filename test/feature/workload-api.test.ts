import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { Client, status, type ServiceError } from '@grpc/grpc-js';
import { openStream } from '@isthmus/api/grpc/call.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { discoveryService } from '@isthmus/api/grpc/services.ts';
import type { DiscoveryRequest } from '@isthmus/api/wire/discovery.ts';
import { typeUrls, upstreamTypes } from '@isthmus/api/wire/type-urls.ts';
import { podKey, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { covers } from '@isthmus/cluster-agent/xds/coverage.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { until } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { makeAuthority } from '../fakes/authority.ts';
import { aService, aWorkload, anAuthorization } from '../fakes/records.ts';
import { byName, emptySnapshot, ourNode, Signal, upstreamNode, XdsWorld } from '../fakes/xds-world.ts';

const cart = aService({ name: 'cart' });
const gateway = {
  kind: 'address' as const,
  network: 'network-west',
  address: '127.7.16.5',
  hbonePort: 15_008,
};
const local = aWorkload({
  uid: 'east//Pod/shop/cart-1',
  addresses: ['127.7.1.1'],
  services: new Map([[cart.key, []]]),
  strict: true,
});
const remote = aWorkload({ uid: 'remote-hbone', network: 'network-west', networkGateway: gateway });
const remoteSidecar = { ...remote, uid: 'remote-mtls', transport: 'istio-mtls' as const };

const snapshot: ClusterSnapshot = {
  ...emptySnapshot,
  workloads: byName(local, remote, remoteSidecar),
  services: byName(cart, aService({ name: 'elsewhere' })),
  authorizations: byName(anAuthorization({ name: 'p' })),
};

describe('the workload API, over real gRPC and TLS', () => {
  let world: XdsWorld;
  afterEach(() => world.stop());

  it('says nothing before the first snapshot, then everything, and the proxy is ready', async () => {
    const heard = new Signal();
    const log: Log = { ...silentLog, info: () => heard.ring(), child: () => log };
    world = await XdsWorld.start({ log });
    const proxy = world.proxy();
    await heard.until(() => world.server.connectedClients().length === 1);
    // By the time a second proxy is connected the first would have got something.
    const second = world.proxy({ node: ourNode('ztunnel', 'second') });
    await heard.until(() => world.server.connectedClients().length === 2);
    assert.equal(proxy.history.length, 0);
    assert.equal(world.server.connectedClients()[0]?.complete, false);
    await second.stop();
    world.publish(snapshot, 1);
    await proxy.ready();
    assert.deepEqual(proxy.names(), [
      ...['east//Pod/shop/cart-1', 'remote-hbone', 'remote-mtls'],
      ...['shop/cart.shop.svc.cluster.local', 'shop/elsewhere.shop.svc.cluster.local'],
    ]);
    assert.deepEqual(proxy.names(typeUrls.authorization), ['shop/p']);
    assert.deepEqual(proxy.workload(local.uid), local);
    assert.ok(proxy.history.indexOf('+shop/p') < proxy.history.indexOf(`+${local.uid}`));
    await proxy.stop();
  });

  it('sends only what changed, policies before and after the workloads that name them', async () => {
    world = await XdsWorld.start();
    world.publish({ ...snapshot, authorizations: new Map() }, 1);
    const proxy = world.proxy();
    await proxy.ready();
    proxy.history.length = 0;
    const named = { ...local, authorizationPolicies: ['shop/p'] };
    world.publish({ ...snapshot, workloads: byName(named, remote, remoteSidecar) }, 2);
    await proxy.signal.until(() => proxy.history.length === 2);
    world.publish({ ...snapshot, workloads: byName(local, remote), authorizations: new Map() }, 3);
    await proxy.signal.until(() => proxy.history.includes('-shop/p'));
    assert.deepEqual(proxy.history, ['+shop/p', `+${local.uid}`, `+${local.uid}`, '-remote-mtls', '-shop/p']);
    await proxy.stop();
  });

  it('after a reconnect sends nothing that the proxy holds already, and removes what went meanwhile', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    const proxy = world.proxy();
    await proxy.ready();
    proxy.history.length = 0;
    await world.server.close();
    const again = await XdsWorld.start();
    await writeFile(world.path('root.pem'), certificatePem(again.authority.root));
    again.publish({ ...snapshot, workloads: byName(local) }, 1);
    await again.server.listen('127.0.0.1', world.port);
    await proxy.signal.until(() => proxy.history.length > 0);
    await again.signal.until(() => covers(again.server.coverage(typeUrls.address, 'remote-hbone')));
    assert.deepEqual(proxy.history.sort(), ['-remote-hbone', '-remote-mtls']);
    assert.ok(proxy.client.ready);
    await proxy.stop();
    await again.stop();
  });

  it('sends upstream proxies only types that they support, and gateways only the endpoints behind them', async () => {
    world = await XdsWorld.start();
    const withdrawn = new Map([[local.uid, new Set([cart.key])]]);
    world.publish({ ...snapshot, withdrawn }, 1);
    const upstream = world.proxy({ node: upstreamNode('up'), types: upstreamTypes });
    const router = world.proxy({ node: ourNode('router', 'gw') });
    await Promise.all([upstream.ready(), router.ready()]);
    assert.deepEqual(upstream.names(), [
      local.uid,
      'remote-hbone',
      cart.key,
      'shop/elsewhere.shop.svc.cluster.local',
    ]);
    assert.equal(upstream.workload(local.uid)?.strict, false, 'no extension');
    assert.equal(upstream.workload(local.uid)?.services.size, 0, "withdrawn from this cluster's clients");
    assert.deepEqual(router.names(), [local.uid, cart.key]);
    assert.deepEqual(
      [...router.workload(local.uid)!.services.keys()],
      [cart.key],
      'kept for those who come from outside',
    );
    await Promise.all([upstream.stop(), router.stop()]);
  });

  it('gives each proxy its own addresses of a service', async () => {
    const address = new Map([
      ['istio-system/one', '127.7.4.1'],
      ['istio-system/two', '127.7.4.2'],
    ]);
    world = await XdsWorld.start({
      vips: (client) => [
        { network: 'network-east', address: address.get(client) ?? '127.7.4.9', prefix: undefined },
      ],
    });
    world.publish(snapshot, 1);
    const [one, two] = ['one', 'two'].map((pod) => world.proxy({ node: ourNode('ztunnel', pod) }));
    await Promise.all([one!.ready(), two!.ready()]);
    assert.equal(one!.service(cart.key)?.addresses[0]?.address, '127.7.4.1');
    assert.equal(two!.service(cart.key)?.addresses[0]?.address, '127.7.4.2');
    await Promise.all([one!.stop(), two!.stop()]);
  });

  for (const [what, touched] of Object.entries<Touched>({
    'a proxy’s addresses': { kind: 'vips', client: podKey({ namespace: 'istio-system', name: 'one' }) },
    'whether the service is headless': { kind: 'service', service: serviceKeyOf(cart) },
    'the network': { kind: 'network' },
  }))
    it(`sends a service with other addresses when ${what} changed and its record did not`, async () => {
      let address = '127.7.4.1';
      world = await XdsWorld.start({
        vips: () => [{ network: 'network-east', address, prefix: undefined }],
      });
      world.publish(snapshot, 1);
      const proxy = world.proxy({ node: ourNode('ztunnel', 'one') });
      await proxy.ready();
      proxy.history.length = 0;
      address = '127.7.4.3';
      world.publish(snapshot, 2, touched);
      await proxy.signal.until(() => proxy.service(cart.key)?.addresses[0]?.address === address);
      assert.ok(
        proxy.history.every((one) => one.endsWith('.svc.cluster.local')),
        'services alone are sent',
      );
      await proxy.stop();
    });

  it('keeps what a proxy took of a delta, and shows what it refused', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    const [willing, picky] = ['one', 'two'].map((pod) => world.proxy({ node: ourNode('ztunnel', pod) }));
    await Promise.all([willing!.ready(), picky!.ready()]);
    picky!.refuse.set('shop/q', 'no such thing');
    const authorizations = byName(anAuthorization({ name: 'q' }), anAuthorization({ name: 'r' }));
    world.publish({ ...snapshot, authorizations }, 2);
    const of = (name: string) => world.server.coverage(typeUrls.authorization, name);
    await world.signal.until(
      () => of('shop/q').applied + of('shop/q').rejected.length === 2 && of('shop/p').applied === 2,
    );
    assert.deepEqual(
      of('shop/q').rejected.map(({ reason }) => reason),
      ['no such thing'],
    );
    assert.ok(covers(of('shop/r')));
    assert.ok(covers(of('shop/p')), 'its removal has come to both');
    assert.deepEqual(picky!.names(typeUrls.authorization), ['shop/r']);
    await Promise.all([willing!.stop(), picky!.stop()]);
    await world.signal.until(() => true);
  });

  it('a proxy that refuses a part of its first state is not ready until that is mended', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    const proxy = world.proxy();
    proxy.refuse.set(local.uid, 'bad');
    await world.signal.until(() => world.server.coverage(typeUrls.address, local.uid).rejected.length === 1);
    assert.equal(proxy.client.ready, false);
    proxy.refuse.clear();
    world.publish({ ...snapshot, workloads: byName({ ...local, node: 'east-2' }) }, 2);
    await proxy.ready();
    await proxy.stop();
  });

  it('counts connected proxies, the newest stream of one proxy once', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    const first = world.proxy();
    await first.ready();
    const second = world.proxy();
    await second.ready();
    const clients = world.server.connectedClients();
    assert.deepEqual(
      clients.map(({ key, kind }) => [key, kind]),
      [['istio-system/ztunnel-1', 'ztunnel']],
    );
    await first.stop();
    await second.stop();
  });

  it('a proxy whose pod has gone loses its stream, and is waited for no more', async () => {
    const gone = new Set<string>();
    const refusalOf = ({ pod }: { readonly pod: string }) => (gone.has(pod) ? `${pod} is gone` : undefined);
    world = await XdsWorld.start({ refusalOf });
    world.publish(snapshot, 1);
    const [one, two] = ['one', 'two'].map((pod) => world.proxy({ node: ourNode('ztunnel', pod) }));
    await Promise.all([one!.ready(), two!.ready()]);
    gone.add('one');
    world.publish({ ...snapshot, authorizations: new Map() }, 2);
    assert.deepEqual(
      world.server.connectedClients().map(({ pod }) => pod),
      ['two'],
    );
    await one!.signal.until(() => one!.client.problem.includes('one is gone'));
    await world.signal.until(() => covers(world.server.coverage(typeUrls.authorization, 'shop/p')));
    assert.deepEqual(one!.names(typeUrls.authorization), ['shop/p'], 'it got nothing more');
    await Promise.all([one!.stop(), two!.stop()]);
  });

  it('names the proxies that are waited for, and looks again when the stream of one has ended', async () => {
    let atLoss: ReturnType<XdsWorld['server']['coverage']> | undefined;
    const onLost = () => (atLoss = world.server.coverage(typeUrls.authorization, 'shop/r'));
    world = await XdsWorld.start({ onLost });
    world.publish(snapshot, 1);
    const [willing, picky] = ['one', 'two'].map((pod) => world.proxy({ node: ourNode('ztunnel', pod) }));
    await Promise.all([willing!.ready(), picky!.ready()]);
    world.publish({ ...snapshot, authorizations: byName(anAuthorization({ name: 'r' })) }, 2);
    const now = world.server.coverage(typeUrls.authorization, 'shop/r');
    assert.deepEqual([...now.waiting].sort(), ['istio-system/one', 'istio-system/two']);
    await world.signal.until(() => covers(world.server.coverage(typeUrls.authorization, 'shop/r')));
    await picky!.stop();
    await until(() => atLoss);
    assert.deepEqual([atLoss!.proxies, atLoss!.applied, atLoss!.waiting], [1, 1, []]);
    await willing!.stop();
  });

  it('does not wait for a client that counts as no proxy', async () => {
    world = await XdsWorld.start({ counts: ({ pod }) => pod === 'one' });
    world.publish(snapshot, 1);
    const [proxy, pod] = ['one', 'two'].map((name) => world.proxy({ node: ourNode('ztunnel', name) }));
    await Promise.all([proxy!.ready(), pod!.ready()]);
    pod!.refuse.set('shop/r', 'never');
    world.publish({ ...snapshot, authorizations: byName(anAuthorization({ name: 'r' })) }, 2);
    await world.signal.until(() => covers(world.server.coverage(typeUrls.authorization, 'shop/r')));
    const { proxies, rejected } = world.server.coverage(typeUrls.authorization, 'shop/r');
    assert.deepEqual([proxies, rejected], [1, []]);
    await Promise.all([proxy!.stop(), pod!.stop()]);
  });

  it('new handshakes show a replaced certificate', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    world.certificates.setIdentity(world.serverIdentity(['other.example']));
    const proxy = world.proxy();
    await proxy.signal.until(() => /127\.0\.0\.1|altnames|Hostname/i.test(proxy.client.problem));
    world.certificates.setIdentity(world.serverIdentity());
    await proxy.ready();
    await proxy.stop();
  });

  it('a proxy verifies the control plane against its own root', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    await writeFile(world.path('root.pem'), certificatePem(makeAuthority().root));
    const proxy = world.proxy();
    await proxy.signal.until(() => proxy.client.problem !== 'not connected yet');
    assert.deepEqual(world.server.connectedClients(), []);
    await writeFile(world.path('root.pem'), certificatePem(world.authority.root));
    await proxy.ready();
    await proxy.stop();
  });

  it('uses the configured source address', async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
    const proxy = world.proxy({ localAddress: '127.9.8.7' });
    await proxy.ready();
    assert.match(world.server.connectedClients()[0]!.peer, /^127\.9\.8\.7:/);
    await proxy.stop();
  });
});

describe('the workload API refuses', () => {
  let world: XdsWorld;
  beforeEach(async () => {
    world = await XdsWorld.start();
    world.publish(snapshot, 1);
  });
  afterEach(() => world.stop());

  /** Sends one request and gives the status that ends the stream. */
  async function ask(
    first: Partial<DiscoveryRequest['request']>,
    token = 'good',
    node = ourNode('ztunnel', 'z'),
  ) {
    const trust = trustServer('127.0.0.1', certificatePem(world.authority.root));
    const client = new Client(`127.0.0.1:${world.port}`, trust.credentials, trust.options);
    const stream = openStream(client, discoveryService.deltaAggregatedResources, {
      authorization: `Bearer ${token}`,
    });
    const nothing = {
      type: typeUrls.address,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      error: '',
    };
    stream.write({ node, request: { ...nothing, ...first } });
    const error = await new Promise<ServiceError>((resolve) => {
      stream.on('error', (cause) => resolve(cause as ServiceError));
      stream.resume();
    });
    client.close();
    return { code: error.code, details: error.details };
  }

  const otherNode = ourNode('ztunnel', 'z', 'shop');
  const cases: Record<string, [() => Promise<{ code: status; details: string }>, status, RegExp]> = {
    'no valid token': [() => ask({}, 'bad'), status.UNAUTHENTICATED, /no valid token/],
    'a node of another namespace': [
      () => ask({}, 'good', otherNode),
      status.PERMISSION_DENIED,
      /namespace shop.*istio-system/,
    ],
    'a node of another pod': [() => ask({}, 'bound'), status.PERMISSION_DENIED, /pod z.*ztunnel-1/],
    'a node id that is none': [
      () => ask({}, 'good', { ...otherNode, id: 'x' }),
      status.INVALID_ARGUMENT,
      /is not <kind>/,
    ],
    'on-demand subscription': [
      () => ask({ subscribe: ['a/b'] }),
      status.INVALID_ARGUMENT,
      /only the subscription to everything/,
    ],
    'the opening of on-demand': [
      () => ask({ subscribe: ['*'], unsubscribe: ['*'] }),
      status.INVALID_ARGUMENT,
      /everything/,
    ],
  };
  for (const [name, [attempt, code, details]] of Object.entries(cases))
    it(name, async () => {
      const refused = await attempt();
      assert.equal(refused.code, code);
      assert.match(refused.details, details);
      assert.ok(!refused.details.includes('bad token'), 'never the token');
    });

  it('callers without a proven identity their connection after ten seconds, and keeps those of others', async () => {
    const clock = new FakeClock();
    const timed = await XdsWorld.start({ clock });
    const call = async (token: string) => {
      const session = connect(`https://127.0.0.1:${timed.port}`, {
        ca: certificatePem(timed.authority.root),
        checkServerIdentity: () => undefined,
      });
      session.on('error', () => undefined);
      const stream = session.request({
        ':method': 'POST',
        ':path': discoveryService.deltaAggregatedResources.path,
        'content-type': 'application/grpc',
        authorization: `Bearer ${token}`,
      });
      stream.on('error', () => undefined).resume();
      if (token === 'bad') await once(stream, 'end');
      return session;
    };
    const [bad, good] = [await call('bad'), await call('good')];
    await until(() => timed.server.arriving === 1);
    await clock.advance(9999);
    assert.ok(!bad.closed);
    const closed = new Promise((resolve) => bad.once('close', resolve));
    await clock.advance(1);
    await closed;
    await clock.advance(3_600_000);
    assert.ok(!good.closed);
    good.destroy();
    await timed.stop();
  });

  it('a node that says it is in two namespaces', async () => {
    const node = ourNode('ztunnel', 'z');
    const refused = await ask({}, 'good', { ...node, metadata: { ...node.metadata, NAMESPACE: 'shop' } });
    assert.equal(refused.code, status.INVALID_ARGUMENT);
  });
});
