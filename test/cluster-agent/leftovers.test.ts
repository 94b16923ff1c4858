import { deepEqual, equal, rejects } from 'node:assert/strict';
import { permitted } from '@isthmus/api/kube/access.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { configMaps, leases, secrets } from '@isthmus/api/kube/resources.ts';
import { agentWrites, pods, uninstallAccess } from '@isthmus/cluster-agent/access.ts';
import { removeLeftovers, type Written } from '@isthmus/cluster-agent/leftovers.ts';
import { agentsRun } from '@isthmus/cluster-agent/running-agents.ts';
import { writtenKinds } from '@isthmus/cluster-agent/status/written-kinds.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { allowedCalls, noting } from '../fakes/made-calls.ts';

const services: Resource = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  isNamespaced: true,
};
const imports: Resource = {
  group: 'multicluster.x-k8s.io',
  version: 'v1alpha1',
  kind: 'ServiceImport',
  plural: 'serviceimports',
  isNamespaced: true,
};
const written: Written = {
  own: [
    { resource: secrets, names: ['state'] },
    { resource: configMaps, names: ['part-0', 'part-1'] },
  ],
  made: [{ resource: { ...imports, version: 'v1beta1' }, olderVersions: [imports.version] }],
  marked: [{ kind: { resource: services, olderVersions: [] }, subresource: '' }],
};
const ours = { 'app.kubernetes.io/managed-by': 'isthmus-agent' };
const named = (namespace: string, name: string, labels = {}) => ({ metadata: { namespace, name, labels } });

async function all(server: FakeApiServer): Promise<readonly string[]> {
  const done: string[] = [];
  for await (const one of removeLeftovers(server, 'mesh', written)) done.push(one);
  return done;
}

const annotate = (server: FakeApiServer, manager: string, annotations: object) =>
  server.patch(
    services,
    { namespace: 'shop', name: 'cart' },
    { how: 'apply', fieldManager: manager, force: true },
    { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'cart', annotations } },
  );

describe('what an agent leaves behind', () => {
  it('is removed: objects by their names, those of other namespaces by their label', async () => {
    const server = new FakeApiServer([secrets, configMaps, services, imports]);
    server.put(secrets, named('mesh', 'state'));
    server.put(secrets, named('mesh', 'other'));
    server.put(configMaps, named('mesh', 'part-1'));
    server.put(imports, named('shop', 'cart', ours));
    server.put(imports, named('shop', 'written-by-hand'));
    deepEqual(await all(server), [
      'removed Secret mesh/state',
      'removed ConfigMap mesh/part-1',
      'removed ServiceImport shop/cart',
    ]);
    deepEqual(
      [...server.all(secrets)].map(({ metadata }) => metadata.name),
      ['other'],
    );
    deepEqual(
      [...server.all(imports)].map(({ metadata }) => metadata.name),
      ['written-by-hand'],
    );
    deepEqual(await all(server), []);
  });

  it('is taken out of the objects of others, and what others wrote stays', async () => {
    const server = new FakeApiServer([secrets, configMaps, services, imports]);
    server.put(services, named('shop', 'cart'));
    server.put(services, named('shop', 'untouched'));
    await annotate(server, 'isthmus-agent', { 'isthmus.io/export': 'accepted' });
    await annotate(server, 'somebody', { team: 'shop' });
    deepEqual(await all(server), ['cleared annotations of Service shop/cart']);
    deepEqual(server.find(services, 'shop', 'cart')?.metadata['annotations'], {
      team: 'shop',
    });
  });

  it('is removed in the version that the cluster serves, over all pages', async () => {
    for (const version of ['v1beta1', 'v1alpha1']) {
      const served = { ...imports, version };
      const server = new FakeApiServer([secrets, configMaps, services, served]);
      for (let number = 0; number < 501; number++) server.put(served, named('shop', `s-${number}`, ours));
      equal((await all(server)).length, 501, version);
      deepEqual([...server.all(served)], []);
    }
  });

  it('is nothing of a kind that the cluster does not have', async () => {
    deepEqual(await all(new FakeApiServer([secrets, configMaps, services])), []);
  });

  it('is found again after a server that refused', async () => {
    const server = new FakeApiServer([secrets, configMaps, services, imports]);
    server.put(secrets, named('mesh', 'state'));
    server.fail('delete', 'secrets', new ApiFailure('API_FORBIDDEN', 'no', { status: 403 }));
    await rejects(all(server), { code: 'API_FORBIDDEN' });
    deepEqual(await all(server), ['removed Secret mesh/state']);
  });

  it('is found by what the role of the uninstall allows, which allows no more', async () => {
    const made = new Set<string>();
    const all = [
      ...Object.values(writtenKinds).map(({ resource }) => resource),
      secrets,
      configMaps,
      leases,
      pods,
    ];
    const api = new FakeApiServer(all);
    const server = noting(permitted(api, uninstallAccess, 'mesh'), made);
    for (const { resource, names } of agentWrites.own)
      for (const name of names) api.put(resource, named('mesh', name));
    for (const { resource } of agentWrites.made) api.put(resource, named('shop', 'made', ours));
    const how = { how: 'apply', fieldManager: 'isthmus-agent', force: true } as const;
    for (const { kind, subresource } of agentWrites.marked) {
      api.put(kind.resource, named('shop', 'cart'));
      const said =
        subresource === '' ? { metadata: { annotations: { said: 'yes' } } } : { status: { said: 'yes' } };
      await api.patch(kind.resource, { namespace: 'shop', name: 'cart', subresource }, how, said);
    }
    equal(await agentsRun(server, 'mesh'), false);
    const done: string[] = [];
    for await (const one of removeLeftovers(server, 'mesh', agentWrites)) done.push(one);
    const { own, made: kinds, marked } = agentWrites;
    const names = own.flatMap((one) => one.names);
    equal(done.length, names.length + kinds.length + marked.length, done.join('\n'));
    deepEqual([...made].sort(), [...allowedCalls(uninstallAccess)].sort());
  });

  it('is removed once no agent runs', async () => {
    const server = new FakeApiServer([pods]);
    const agent = { 'app.kubernetes.io/name': 'isthmus-agent' };
    server.put(pods, named('mesh', 'isthmus-uninstall-1', { 'app.kubernetes.io/name': 'isthmus-uninstall' }));
    server.put(pods, named('other', 'isthmus-agent-1', agent));
    equal(await agentsRun(server, 'mesh'), false);
    server.put(pods, named('mesh', 'isthmus-agent-1', agent));
    equal(await agentsRun(server, 'mesh'), true);
  });
});
