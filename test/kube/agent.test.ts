import assert from 'node:assert/strict';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { refusal } from '@isthmus/api/kube/refusal.ts';
import { configMaps, leases, secrets } from '@isthmus/api/kube/resources.ts';
import { agentAccess, foreignKinds } from '@isthmus/cluster-agent/access.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { writtenKinds } from '@isthmus/cluster-agent/status/written-kinds.ts';
import { ownLabels } from '@isthmus/cluster-agent/status/written-object.ts';
import { definitionOf } from '../../charts/definition.ts';
import { until } from '../fakes/agent.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { allowedCalls, noting } from '../fakes/made-calls.ts';
import { joinMember } from '../fakes/member.ts';
import {
  agentNamespace,
  makeAgentNamespace,
  fill,
  KubernetesAgent,
  services,
  setCaptured,
  setReady,
} from './agent-world.ts';
import { allowAgent, changeRole } from './agent-role.ts';
import { definitions } from './foreign-crds.ts';
import { podToken } from './pod-token.ts';
import { withApiServer } from './start-api-server.ts';

const events = writtenKinds.Event.resource;

interface World {
  readonly server: ApiServer;
  /** The same for the agent, which may do what its role says. */
  readonly ofAgent: ApiServer;
  /** A token of the ztunnel's pod, as its kubelet would mount it. */
  readonly token: (uid: string) => Promise<string>;
  /** From now on the role of the agent may, or may not, read Gateways. */
  readonly letReadGateways: (may: boolean) => Promise<void>;
}

/** The same on an API server in memory and on a real one. */
function anAgent(world: () => World): void {
  let hub: TestHub;
  let agent: KubernetesAgent;
  let uid = '';
  const made = new Set<string>();
  before(async () => {
    hub = await startTestHub();
    agent = new KubernetesAgent(noting(world().ofAgent, made), hub);
    await agent.writeJoinToken();
    uid = (await fill(world().server)).metadata.uid;
    await agent.start();
  });
  after(async () => {
    await agent.end();
    await hub.stop();
  });

  const data = async (resource: typeof secrets, name: string) => {
    const object = await world().server.get(resource, { namespace: agentNamespace, name });
    return (object as { data: Record<string, string> }).data;
  };
  const root = async () => (await data(configMaps, 'isthmus-xds-root'))['root-cert.pem'] ?? '';
  const connect = async () => {
    await until(() => root().catch(() => undefined));
    return agent.connect(await world().token(uid), await root());
  };
  const cart = 'shop/cart.shop.svc.cluster.local';
  const pay = 'shop/pay.shop.svc.cluster.local';

  it('joins, and keeps what its successor needs in its namespace', async () => {
    await until(async () => 'intermediate.json' in (await data(secrets, 'isthmus-agent-state')));
    const kept = await data(secrets, 'isthmus-agent-state');
    assert.deepEqual(Object.keys(kept).sort(), [
      'hub-epochs.json',
      'intermediate.json',
      'link.json',
      'sealing-key',
      'xds-serving.json',
    ]);
    assert.equal(await root(), agent.read('xds-root.pem'));
  });

  it('restores its Secret after a manual edit and after its deletion', async () => {
    const { server } = world();
    const place = { namespace: agentNamespace, name: 'isthmus-agent-state' };
    const link = async () => (await data(secrets, place.name))['link.json'];
    const kept = await link();
    const edited = (await server.get(secrets, place)) as { data: object };
    const damaged = { ...edited.data, ['link.json']: Buffer.from('{').toString('base64') };
    await server.replace(secrets, place, { ...edited, data: damaged });
    await until(async () => (await link()) === kept);
    await server.remove(secrets, place);
    await until(() =>
      link().then(
        (again) => again === kept,
        () => false,
      ),
    );
  });

  it('has a second replica, which serves with the same keys', async () => {
    await until(async () => 'intermediate.json' in (await data(secrets, 'isthmus-agent-state')));
    const second = new KubernetesAgent(world().ofAgent, hub, agent.joinToken);
    try {
      await second.start('agent-x');
      for (const file of ['sealing-key', 'link.json', 'intermediate.json', 'xds-root.pem'])
        assert.equal(second.read(file), agent.read(file), file);
      const proxy = await second.connect(await world().token(uid), await root());
      await proxy.signal.until(() => proxy.service(cart) !== undefined);
    } finally {
      await second.end();
    }
  });

  it('whose role lacks a verb names it in its readiness and in GraphQL, and serves the rest', async () => {
    const named = async () => {
      const query = '{ cluster(name: "east") { conditions { reason message remedy } } }';
      type Cluster = { cluster: { conditions: { reason: string; message: string; remedy: string }[] } };
      const { data: answer } = await hub.ask<Cluster>(query);
      return answer?.cluster.conditions.find(({ reason }) => reason === 'KIND_FORBIDDEN');
    };
    await agent.stop();
    await world().letReadGateways(false);
    await agent.start();
    const { message, remedy } = await until(named);
    assert.match(message, /^Gateway objects are not read: list of gateways/);
    assert.match(remedy, /verbs list and watch on gateways/);
    const { status, text } = await until(async () => {
      const page = await agent.readiness();
      return page.status === 200 && page;
    });
    assert.equal(status, 200);
    assert.match(
      text,
      /^\[!\]manifests degraded: Gateway objects are not read.*served as if there were none/m,
    );
    const proxy = await connect();
    await proxy.signal.until(() => proxy.service(cart) !== undefined);
    await world().letReadGateways(true);
  });

  it('serves a ztunnel, whose token the API server has reviewed, with ClusterIPs and what changes', async () => {
    const proxy = await connect();
    await proxy.signal.until(() => proxy.service(cart) !== undefined);
    const { addresses = [] } = proxy.service(cart) ?? {};
    assert.deepEqual(addresses, [{ network: 'network-east', address: '10.96.0.10', prefix: undefined }]);
    const uidOf = 'east//Pod/shop/cart-1';
    await proxy.signal.until(() => proxy.workload(uidOf)?.addresses[0] !== undefined);
    await setReady(world().server, 'shop', 'cart-1', '10.0.0.9', true);
    await proxy.signal.until(() => proxy.workload(uidOf)?.addresses[0] === '10.0.0.9');
    await world().server.remove(services, { namespace: 'shop', name: 'cart' });
    await proxy.signal.until(() => proxy.service(cart) === undefined);
  });

  it('serves an ambient pod as plaintext for as long as no annotation says that it is captured', async () => {
    const proxy = await connect();
    const transport = () => proxy.workload('east//Pod/shop/cart-1')?.transport;
    await proxy.signal.until(() => transport() === 'hbone');
    await setCaptured(world().server, 'shop', 'cart-1', null);
    await proxy.signal.until(() => transport() === 'plaintext');
    await setCaptured(world().server, 'shop', 'cart-1', 'enabled');
    await proxy.signal.until(() => transport() === 'hbone');
  });

  it('says by an Event why a Service is not exported, which counts', async () => {
    const { server } = world();
    const place = { namespace: 'shop', name: 'out' };
    const asked = { ['istio.io/global']: 'true' };
    const spec = { type: 'ExternalName', externalName: 'example.com' };
    await server.create(services, 'shop', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...place, labels: asked },
      spec,
    });
    interface Shown {
      readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
    }
    interface WrittenEvent {
      readonly involvedObject: { readonly uid: string };
      readonly reason: string;
      readonly count: number;
    }
    const service = async () => (await server.get(services, place)) as Shown;
    const { uid } = (await service()).metadata;
    const isCounted = (count: number) =>
      until(async () => {
        const { items } = await server.list({ ...events, namespace: 'shop' }, {});
        const found = items.filter(
          (one) => (one as WrittenEvent).involvedObject.uid === uid,
        ) as WrittenEvent[];
        assert.ok(found.length <= 1);
        return found[0]?.reason === 'InvalidServiceType' && found[0].count === count;
      });
    const label = (labels: object) =>
      server.patch(services, place, { how: 'merge' }, { metadata: { labels } });
    await isCounted(1);
    await label({ ['istio.io/global']: null });
    await until(
      async () => (await service()).metadata.annotations?.['isthmus.io/export-status'] === undefined,
    );
    await label(asked);
    await isCounted(2);
    await server.remove(services, place);
  });

  it('gives a service that is only elsewhere an address that stays, whichever pod serves it', async () => {
    const west = await joinMember(hub, {
      cluster: 'west',
      region: 'r',
      address: `127.${hub.octet}.32.1`,
      services: [{ name: 'pay', exported: true, healthy: 1 }],
      workloads: [],
    });
    try {
      const first = await connect();
      await first.signal.until(() => (first.service(pay)?.addresses.length ?? 0) > 0);
      const { addresses = [] } = first.service(pay) ?? {};
      assert.match(addresses[0]?.address ?? '', /^24\d\.\d+\.\d+\.\d+$/);
      const { 'addresses.json': kept = '' } = await data(configMaps, 'isthmus-allocations-0');
      assert.deepEqual(JSON.parse(kept), { [pay]: addresses[0]?.address });
      const identity = agent.read('link.json');
      await agent.stop();
      await agent.start('agent-2');
      assert.equal(agent.read('link.json'), identity, 'it joined again');
      const next = await connect();
      await next.signal.until(() => next.service(pay) !== undefined);
      assert.deepEqual(next.service(pay)?.addresses, addresses);
    } finally {
      west.stop();
    }
  });

  it('writes the status of objects, makes ServiceImports, and removes one that nobody exports', async () => {
    const { server } = world();
    const north = await joinMember(hub, {
      cluster: 'north',
      region: 'r',
      address: `127.${hub.octet}.48.1`,
      services: [{ name: 'refund', exported: true, healthy: 1 }],
      workloads: [],
    });
    const named = (kind: keyof typeof writtenKinds, name: string, body: object = {}) => {
      const { resource } = writtenKinds[kind];
      const apiVersion = `${resource.group}/${resource.version}`;
      return server.create(resource, 'shop', {
        apiVersion,
        kind,
        metadata: { name, namespace: 'shop' },
        ...body,
      });
    };
    await agent.stop();
    await named('ServiceImport', 'gone', {
      metadata: { name: 'gone', namespace: 'shop', labels: ownLabels },
    });
    await named('AuthorizationPolicy', 'cart', { spec: { selector: { matchLabels: { app: 'cart' } } } });
    await named('PeerAuthentication', 'cart', { spec: { mtls: { mode: 'STRICT' } } });
    await named('ServiceExport', 'cart');
    await agent.start('agent-3');
    const found = (kind: keyof typeof writtenKinds, name: string) =>
      server.get(writtenKinds[kind].resource, { namespace: 'shop', name }).then(
        (one) => one as { readonly status?: object },
        () => undefined,
      );
    const states = [
      ['AuthorizationPolicy', 'cart'],
      ['PeerAuthentication', 'cart'],
      ['ServiceExport', 'cart'],
      ['ServiceImport', 'refund'],
    ] as const;
    try {
      for (const [kind, name] of states)
        await until(async () => (await found(kind, name))?.status !== undefined);
      await until(async () => (await found('ServiceImport', 'gone')) === undefined);
    } finally {
      north.stop();
    }
  });

  it('makes each call that its role allows: the role has no more than it needs', () => {
    const allowed = allowedCalls(agentAccess);
    assert.deepEqual(
      [...allowed].filter((one) => !made.has(one)),
      [],
    );
  });
}

describe('an agent in a cluster that an API server in memory has', () => {
  const server = new FakeApiServer([
    ...watched.map(({ resource }) => resource),
    ...[secrets, configMaps, leases, events, writtenKinds.ServiceImport.resource],
  ]);
  for (const { resource, olderVersions } of Object.values(writtenKinds))
    server.serve(`/apis/${resource.group}`, {
      versions: [resource.version, ...olderVersions].map((version) => ({ version })),
    });
  const token = (uid: string) => Promise.resolve(`ztunnel.${uid}`);
  server.answer('tokenreviews', (review) => {
    const { token: asked } = review['spec'] as { token: string };
    const claim = (name: string) => `authentication.kubernetes.io/${name}`;
    const extra = {
      [claim('pod-name')]: ['ztunnel-1'],
      [claim('pod-uid')]: [asked.replace('ztunnel.', '')],
      [claim('node-name')]: ['node-1'],
    };
    const user = { username: 'system:serviceaccount:istio-system:ztunnel', extra };
    return { ...review, status: { authenticated: true, audiences: ['istio-ca'], user } };
  });
  before(() => makeAgentNamespace(server));
  const letReadGateways = (may: boolean) => {
    server.before = (call) =>
      !may && typeof call.of !== 'string' && call.of.plural === 'gateways'
        ? refusal(call, { status: 403, message: 'forbidden' })
        : undefined;
    return Promise.resolve();
  };
  anAgent(() => ({ server, ofAgent: server, token, letReadGateways }));
});

withApiServer('an agent in a cluster that a real API server has', (started) => {
  const pod = { namespace: 'istio-system', name: 'ztunnel-1', serviceAccount: 'ztunnel' };
  before(async () => {
    const { server } = started().client();
    for (const kind of foreignKinds) await server.create(definitions, '', definitionOf(kind));
    for (const kind of foreignKinds)
      await until(() =>
        server.list(kind, { limit: '1' }).then(
          () => true,
          () => false,
        ),
      );
    await allowAgent(server);
  });
  anAgent(() => ({
    server: started().client().server,
    ofAgent: started().client('agent').server,
    token: (uid) => podToken(started(), { ...pod, uid }),
    letReadGateways: (may) => changeRole(started().client().server, may),
  }));
});
