import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { HttpsApiServer } from '@isthmus/api/kube/https-api-server.ts';
import { foreignKinds } from '@isthmus/cluster-agent/access.ts';
import { holds } from '../fakes/turns.ts';
import { FollowedCluster, servedAs } from './followed-cluster.ts';
import { definitions, foreignDefinitions, install, type Definition } from './foreign-crds.ts';
import { comparable, manifestTexts, viewOfFile, writtenIn, type Written } from './same-objects.ts';
import { withApiServer } from './start-api-server.ts';

const roles: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  isNamespaced: false,
};
const bindings: Resource = { ...roles, kind: 'ClusterRoleBinding', plural: 'clusterrolebindings' };
const deny = { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['elsewhere'] } }] }] };

/**
 * A pod as an API server takes it: with names and images of its containers, which manifests of tests leave out, and to be
 * deleted at once, as there is no kubelet.
 */
function complete(object: Written['object']): object {
  if (object.kind !== 'Pod') return object;
  const { spec = {} } = object as { spec?: { containers?: readonly object[] } };
  const containers = spec.containers?.map((one, i) => ({ name: `c-${i}`, image: 'none', ...one }));
  return { ...object, spec: { ...spec, containers, terminationGracePeriodSeconds: 0 } };
}

withApiServer('the Kubernetes API as the source of a cluster, at a real API server', (started) => {
  let server: ApiServer;
  let followed: FollowedCluster;
  let count = 0;
  let namespace = '';
  const resources = new Map<string, Resource>();
  const resource = async (kind: string): Promise<Resource> => {
    const known = resources.get(kind) ?? (await servedAs(server, kind));
    resources.set(kind, known);
    return known;
  };
  const create = async (kind: string, name: string, over: object = {}, metadata: object = {}) =>
    server.create(await resource(kind), kind === 'Namespace' || kind === 'Node' ? '' : namespace, {
      metadata: { name, ...metadata },
      ...over,
    });
  const patch = async (kind: string, name: string, over: object) =>
    server.patch(await resource(kind), { namespace, name }, { how: 'merge' }, over);
  const remove = async (kind: string, name: string) =>
    server.remove(await resource(kind), { namespace: kind === 'Namespace' ? '' : namespace, name });
  const spec = { containers: [{ name: 'app', image: 'none' }] };

  before(() => {
    server = started().client().server;
  });
  beforeEach(async () => {
    namespace = `source-${++count}`;
    await create('Namespace', namespace);
    followed = new FollowedCluster(started().client().server);
    await followed.synced();
  });
  afterEach(() => followed.stop());

  it('is synced without kinds whose CRDs are missing, and follows them once they are there', async function () {
    const found = foreignDefinitions();
    if (typeof found === 'string') {
      console.warn(`      DID NOT RUN: ${found}`);
      this.skip();
    }
    assert.equal(followed.view.synced, true);
    assert.deepEqual(followed.source.conditions(), []);
    await install(server, found);
    await create('AuthorizationPolicy', 'deny', { spec: deny });
    await holds(() => followed.view.get('AuthorizationPolicy', namespace, 'deny') !== undefined);
  });

  describe('with the objects of a folder of manifests gives the same view as the folder', () => {
    for (const [file, text] of manifestTexts())
      it(`of ${file.split('/').slice(-2).join('/')}`, async function () {
        const written = writtenIn(text);
        const isForeign = ({ group }: Resource) => foreignKinds.some((one) => one.group === group);
        if (written.some((one) => isForeign(one.resource))) await needsForeign(this);
        const ids: string[] = [];
        for (const one of written) {
          const { object } = one;
          const place = one.namespace === '' ? '' : one.namespace;
          if (place !== '')
            await server
              .create(await resource('Namespace'), '', { metadata: { name: place } })
              .catch(() => undefined);
          const served = await resource(one.resource.kind);
          const at = { namespace: place, name: object.metadata.name };
          if (one.resource.kind === 'Namespace') {
            const patch = { how: 'apply', fieldManager: 'test', force: true } as const;
            await server.patch(served, at, patch, object);
          } else await server.create(served, place, complete(object));
          if (object.status)
            await server.patch(
              served,
              { ...at, subresource: 'status' },
              { how: 'merge' },
              { status: object.status },
            );
          ids.push(`${one.resource.kind}/${one.namespace}/${object.metadata.name}`);
        }
        const expected = viewOfFile(text);
        await holds(() =>
          ids.every((id) => (followed.view.byId(id) === undefined) === (expected.byId(id) === undefined)),
        );
        const all = new Set(ids);
        const { objects } = comparable(followed.view, all) as { objects: unknown };
        assert.deepEqual(objects, (comparable(expected, all) as { objects: unknown }).objects);
        for (const one of written.toReversed())
          if (one.resource.kind !== 'Namespace')
            await server.remove(await resource(one.resource.kind), {
              namespace: one.namespace,
              name: one.object.metadata.name,
            });
      });
  });

  /** Skips the test, and says so, unless the first test of this suite has installed the CRDs. */
  const needsForeign = (test: Mocha.Context) =>
    servedAs(server, 'AuthorizationPolicy').catch(() => {
      console.warn(
        '      DID NOT RUN: the API server has no CRDs of Istio, the Gateway API and MCS, which the first test installs',
      );
      test.skip();
    });

  describe('with bad input', () => {
    it('a Pod with a malformed annotation is refused alone, with its field', async () => {
      await create('Pod', 'bad', { spec }, { annotations: { ['isthmus.io/app-address']: 'nonsense' } });
      await create('Pod', 'good', { spec });
      await holds(() => followed.view.get('Pod', namespace, 'good') !== undefined);
      const rejection = [...followed.view.rejections].find(({ object }) => object === `Pod ${namespace}/bad`);
      assert.match(rejection?.field ?? '', /isthmus\.io\/app-address/);
      assert.ok((rejection?.message ?? '') !== '');
    });

    it('two Services with one ClusterIP during a recreation: the one that is there has it', async () => {
      const ports = [{ port: 80 }];
      await create('Service', 'one', { spec: { ports } });
      await holds(() => followed.view.get('Service', namespace, 'one') !== undefined);
      const clusterIP = followed.view.get('Service', namespace, 'one')?.clusterIPs[0] ?? '';
      await remove('Service', 'one');
      await create('Service', 'two', { spec: { ports, clusterIP } });
      await holds(() => followed.view.get('Service', namespace, 'two') !== undefined);
      assert.equal(followed.view.get('Service', namespace, 'two')?.clusterIPs[0], clusterIP);
      await holds(() => followed.view.get('Service', namespace, 'one') === undefined);
    });

    it('EndpointSlices of a deleted Service are no one’s endpoints, and go when they are deleted', async () => {
      await create('Service', 'cart', { spec: { ports: [{ port: 80 }] } });
      const labels = { ['kubernetes.io/service-name']: 'cart' };
      const slice = {
        addressType: 'IPv4',
        ports: [{ name: '', port: 80 }],
        endpoints: [{ addresses: ['10.1.2.3'] }],
      };
      await create('EndpointSlice', 'cart-1', slice, { labels });
      await holds(() => followed.view.get('EndpointSlice', namespace, 'cart-1') !== undefined);
      await remove('Service', 'cart');
      await holds(() => followed.view.get('Service', namespace, 'cart') === undefined);
      await remove('EndpointSlice', 'cart-1');
      await holds(() => followed.view.get('EndpointSlice', namespace, 'cart-1') === undefined);
    });

    it('a Namespace that is being deleted keeps its policies and labels until it is gone', async function () {
      await needsForeign(this);
      await create('AuthorizationPolicy', 'deny', { spec: deny });
      await holds(() => followed.view.get('AuthorizationPolicy', namespace, 'deny') !== undefined);
      await remove('Namespace', namespace);
      await create('Namespace', `${namespace}-after`);
      await holds(() => followed.view.get('Namespace', '', `${namespace}-after`) !== undefined);
      assert.ok(followed.view.get('Namespace', '', namespace), 'no controller has finished it');
      assert.ok(followed.view.get('AuthorizationPolicy', namespace, 'deny'));
    });

    it('a label that is changed 50 times as fast as can be ends at its last value', async () => {
      await create('Pod', 'cart', { spec });
      for (let i = 1; i <= 50; i++) await patch('Pod', 'cart', { metadata: { labels: { turn: String(i) } } });
      await holds(() => followed.view.get('Pod', namespace, 'cart')?.metadata.labels['turn'] === '50');
    });

    it('a policy with a field of another version of its CRD keeps its good form, or closes', async function () {
      await needsForeign(this);
      const place = { namespace: '', name: 'authorizationpolicies.security.istio.io' };
      const definition = (await server.get(definitions, place)) as Definition;
      const anything = {
        openAPIV3Schema: { type: 'object', ['x-kubernetes-preserve-unknown-fields']: true },
      };
      const versions = definition.spec.versions.map((one) => ({ ...one, schema: anything }));
      const newer = { action: 'DENY', rules: [{ from: [{ source: { planets: ['mars'] } }] }] };
      await create('AuthorizationPolicy', 'was-good', { spec: deny });
      await holds(() => followed.view.get('AuthorizationPolicy', namespace, 'was-good') !== undefined);
      const good = followed.view.get('AuthorizationPolicy', namespace, 'was-good');
      await server.patch(definitions, place, { how: 'merge' }, { spec: { versions } });
      const refused = () => [...followed.view.rejections].filter(({ object }) => object.includes(namespace));
      const namesField = (name: string) =>
        refused().some((one) => one.object.endsWith(name) && /planets/.test(`${one.field} ${one.message}`));
      // The new schema is in force some time after it was written: before, what it does not know is dropped.
      for (let i = 0; !refused().some(({ object }) => namesField(object)); i++) {
        await create('AuthorizationPolicy', `new-${i}`, { spec: newer });
        await holds(() => followed.view.get('AuthorizationPolicy', namespace, `new-${i}`) !== undefined);
      }
      assert.ok(refused().some(({ code }) => code === 'REFUSED_POLICY_CLOSES'));
      await patch('AuthorizationPolicy', 'was-good', { spec: newer });
      await holds(() => namesField('/was-good'));
      assert.deepEqual(followed.view.get('AuthorizationPolicy', namespace, 'was-good'), good);
      await server.patch(
        definitions,
        place,
        { how: 'merge' },
        { spec: { versions: definition.spec.versions } },
      );
    });
  });

  describe('with a role', () => {
    const role = async (verbs: readonly string[], apiGroups: readonly string[] = ['*']) => {
      const rules = [{ apiGroups, resources: ['*'], verbs }];
      const object = { metadata: { name: 'agent' }, rules };
      await server.patch(
        roles,
        { namespace: '', name: 'agent' },
        { how: 'apply', fieldManager: 'test', force: true },
        object,
      );
    };

    before(async () => {
      const subjects = [{ kind: 'User', name: 'agent', apiGroup: 'rbac.authorization.k8s.io' }];
      const roleRef = { kind: 'ClusterRole', name: 'agent', apiGroup: 'rbac.authorization.k8s.io' };
      await server.create(bindings, '', { metadata: { name: 'agent' }, subjects, roleRef });
    });

    it('without the kinds that are not needed names each, and the rest is read', async () => {
      await role(['list', 'watch'], ['', 'discovery.k8s.io', 'security.istio.io']);
      const limited = new FollowedCluster(started().client('agent').server);
      try {
        await limited.synced();
        const refused = limited.source.conditions().map(({ message }) => message.split(' ')[0]);
        const kinds = ['Gateway', 'GatewayClass', 'ServiceEntry', 'ServiceExport', 'WorkloadEntry'];
        assert.deepEqual(refused.sort(), kinds);
        await create('Pod', 'seen-by-limited', { spec });
        await holds(() => limited.view.get('Pod', namespace, 'seen-by-limited') !== undefined);
        await role(['list', 'watch']);
        await holds(() => limited.source.conditions().length === 0);
      } finally {
        await limited.stop();
      }
    });

    it('without the security policies is not synced, and is once the role has them', async () => {
      await role(['list', 'watch'], ['', 'discovery.k8s.io', 'networking.istio.io']);
      const limited = new FollowedCluster(started().client('agent').server);
      const awaited = ['AuthorizationPolicy', 'PeerAuthentication'];
      try {
        await holds(() => isDeepStrictEqual(limited.source.unlisted, awaited));
        assert.equal(limited.view.synced, false);
        await role(['list', 'watch']);
        await limited.synced();
      } finally {
        await limited.stop();
      }
    });

    it('that lacks a verb names kind and verb, and goes on once the role has it', async () => {
      await role(['list']);
      const limited = new FollowedCluster(started().client('agent').server);
      try {
        await limited.synced();
        await holds(() =>
          limited.source.conditions().some(({ message }) => /watch of pods .*403.*forbidden/.test(message)),
        );
        const remedies = limited.source.conditions().map(({ remedy }) => remedy);
        assert.ok(
          remedies.some((remedy) => /verbs list and watch on pods/.test(remedy)),
          remedies.join(),
        );
        await role(['list', 'watch']);
        await holds(() => limited.source.conditions().length === 0);
        await create('Pod', 'seen', { spec });
        await holds(() => limited.view.get('Pod', namespace, 'seen') !== undefined);
      } finally {
        await limited.stop();
      }
    });
  });

  it('loses nothing while the API server is away and has forgotten all versions (410)', async () => {
    await create('Service', 'stays', { spec: { ports: [{ port: 80 }] } });
    await create('Service', 'goes', { spec: { ports: [{ port: 80 }] } });
    await holds(() => followed.view.get('Service', namespace, 'goes') !== undefined);
    const other = new FollowedCluster(server);
    await other.synced();
    const begin = followed.events.length;
    await started().stopApi();
    await holds(() => followed.source.conditions().some(({ reason }) => reason === 'API_SERVER_UNAVAILABLE'));
    assert.ok(followed.view.get('Service', namespace, 'stays'));
    await started().compact();
    await started().startApi();
    await remove('Service', 'goes');
    await create('Service', 'new', { spec: { ports: [{ port: 80 }] } });
    await started().compact();
    await holds(() => followed.view.get('Service', namespace, 'new') !== undefined);
    await holds(() => followed.view.get('Service', namespace, 'goes') === undefined);
    await holds(() => followed.source.conditions().length === 0);
    const removed = followed.events
      .slice(begin)
      .flatMap((event) => (event.type === 'remove' ? [event.id] : []));
    assert.deepEqual(removed, [`Service/${namespace}/goes`]);
    await other.stop();
  });

  it('is read through the client of the API, over HTTPS', () => assert.ok(server instanceof HttpsApiServer));
});
