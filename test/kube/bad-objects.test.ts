import assert from 'node:assert/strict';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { until } from '../fakes/agent.ts';
import { pods, services, setReady } from './agent-world.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { FaultyCluster } from './faulty-cluster.ts';
import { denying, policies } from './policy-definition.ts';
import { withApiServer } from './start-api-server.ts';

const slices: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  isNamespaced: true,
};
const namespaces: Resource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  isNamespaced: false,
};
const merge = { how: 'merge' } as const;
const pod = 'east//Pod/shop/cart-1';
const service = (name: string) => `shop/${name}.shop.svc.cluster.local`;

withApiServer('what a ztunnel is served of objects that are bad', (started) => {
  let cluster: FaultyCluster;
  let server: ApiServer;
  let faults: FaultProxy;
  before(async () => {
    cluster = await FaultyCluster.start(started());
    ({ server, faults } = cluster);
  });
  after(() => cluster.stop());
  afterEach(() => faults.heal());

  const at = (name: string) => ({ namespace: 'shop', name });
  const annotate = (annotations: object) =>
    server.patch(pods, at('cart-1'), merge, { metadata: { annotations } });
  const refused = async () =>
    (await cluster.rejections()).map((one) => `${one.object} ${one.field}: ${one.message}`);
  const named = (text: RegExp) => until(async () => (await refused()).find((one) => text.test(one)));
  const isOver = (text: RegExp) => until(async () => !(await refused()).some((one) => text.test(one)));
  const servicesOf = () => cluster.ztunnel.workload(pod)?.services.size ?? 0;
  const vipOf = (name: string) => cluster.ztunnel.service(service(name))?.addresses[0]?.address;

  it('a policy with fields of another version of its CRD: its good form stays, and a new one closes', async () => {
    const mars = [{ from: [{ source: { planets: ['mars'] } }] }];
    const { ztunnel } = cluster;
    const body = () =>
      Buffer.from(
        ztunnel.state.get('type.googleapis.com/istio.security.Authorization')?.get('shop/stays') ?? [],
      );
    const before = body();
    await server.patch(policies, at('stays'), merge, { spec: { rules: mars } });
    await server.create(policies, 'shop', {
      metadata: { name: 'newer' },
      spec: { action: 'DENY', rules: mars },
    });
    await until(() => cluster.isHeld('newer'));
    for (const name of ['stays', 'newer']) {
      assert.match(await named(new RegExp(`shop/${name} .*planets`)), /: /);
      const shown = await until(async () =>
        (await cluster.statusOf(name)).find(
          ({ type, status }) => type === 'ZtunnelAccepted' && status === 'False',
        ),
      );
      assert.match(shown.message, /planets/);
    }
    assert.ok(body().equals(before) && before.length > 0);
    await server.patch(policies, at('stays'), merge, { spec: denying('stays', 'elsewhere').spec });
    await server.remove(policies, at('newer'));
    await isOver(/planets/);
    assert.ok(cluster.isHeld('stays'));
  });

  it('a pod whose annotation becomes malformed: it is served as it was, and named with the field', async () => {
    await until(() => cluster.ztunnel.workload(pod)?.addresses[0] === '10.0.0.2');
    const steps = cluster.ztunnel.history.length;
    await annotate({ ['isthmus.io/app-address']: 'nonsense' });
    assert.match(await named(/^Pod shop\/cart-1 .*isthmus\.io\/app-address/), /must be an IP address/);
    await server.patch(pods, at('cart-1'), merge, { metadata: { labels: { turn: 'bad' } } });
    assert.equal(cluster.ztunnel.workload(pod)?.addresses[0], '10.0.0.2');
    assert.deepEqual(cluster.removedSince(steps), []);
    await annotate({ ['isthmus.io/app-address']: null });
    await isOver(/app-address/);
    await setReady(server, 'shop', 'cart-1', '10.0.0.9', true);
    await until(() => cluster.ztunnel.workload(pod)?.addresses[0] === '10.0.0.9');
  });

  it('two Services with one ClusterIP, as one list has the new one and the old one is known: the new one has it', async () => {
    assert.equal(vipOf('cart'), '10.96.0.10');
    const ports = [{ port: 80 }];
    const isOfServices = ({ path }: { path: string }) => path.startsWith('/api/v1/services');
    faults.break({ kind: 'STATUS', status: 503 }, isOfServices);
    faults.cutWatches();
    await server.remove(services, at('cart'));
    const again = { selector: { app: 'cart' }, clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports };
    await server.create(services, 'shop', { metadata: { name: 'cart-again' }, spec: again });
    // The watch that begins again has forgotten what happened, so that the deletion is seen last.
    faults.break({ kind: 'STATUS', status: 410 }, (asked) => isOfServices(asked) && asked.isWatch);
    await until(() => vipOf('cart-again') === '10.96.0.10');
    await until(() => cluster.ztunnel.service(service('cart')) === undefined);
    assert.equal(vipOf('cart-again'), '10.96.0.10');
  });

  it('EndpointSlices of a Service that was deleted: its pods are no endpoints, until it is there again', async () => {
    const slice = {
      metadata: { name: 'late-1', labels: { ['kubernetes.io/service-name']: 'late' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080 }],
      endpoints: [
        { addresses: ['10.0.0.9'], conditions: { ready: true }, targetRef: { kind: 'Pod', ...at('cart-1') } },
      ],
    };
    const spec = { ports: [{ port: 80, targetPort: 8080 }] };
    const before = servicesOf();
    await server.create(services, 'shop', { metadata: { name: 'late' }, spec });
    await server.create(slices, 'shop', slice);
    await until(() => servicesOf() === before + 1);
    await server.remove(services, at('late'));
    await until(() => cluster.ztunnel.service(service('late')) === undefined && servicesOf() === before);
    await server.create(services, 'shop', { metadata: { name: 'late' }, spec });
    await until(() => servicesOf() === before + 1);
    await server.remove(services, at('late'));
    await until(() => servicesOf() === before);
    await server.remove(slices, at('late-1'));
  });

  it('a label that is changed 50 times a second, by which a policy selects: it ends right, and the agent is ready', async () => {
    const selected = { ...denying('by-label', 'there').spec, selector: { matchLabels: { turn: 'odd' } } };
    await server.create(policies, 'shop', { metadata: { name: 'by-label' }, spec: selected });
    const selects = () => cluster.ztunnel.workload(pod)?.authorizationPolicies.includes('shop/by-label');
    for (let i = 0; i < 50; i++) {
      const turn = i % 2 === 0 ? 'odd' : 'even';
      await server.patch(pods, at('cart-1'), merge, { metadata: { labels: { turn } } });
      // The rate is the input: with the time of the patch, some 50 a second.
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await until(() => selects() === false);
    await server.patch(pods, at('cart-1'), merge, { metadata: { labels: { turn: 'odd' } } });
    await until(() => selects() === true);
    assert.equal((await cluster.agent.readiness()).status, 200);
    assert.ok(cluster.isHeld('stays'));
  });

  it('a Namespace that is being deleted: what is in it is enforced until it is gone', async () => {
    const steps = cluster.ztunnel.history.length;
    await server.remove(namespaces, { namespace: '', name: 'shop' });
    await server.create(namespaces, '', { metadata: { name: 'after' } });
    await server.create(policies, 'after', denying('seen', 'there'));
    await until(() =>
      cluster.ztunnel.names('type.googleapis.com/istio.security.Authorization').includes('after/seen'),
    );
    assert.deepEqual(cluster.removedSince(steps), []);
    assert.ok(cluster.isHeld('stays') && cluster.ztunnel.workload(pod));
    await server.remove(policies, at('stays'));
    await until(() => !cluster.isHeld('stays'));
  });
});
