import { deepEqual, rejects } from 'node:assert/strict';
import { permitted, type Access, type Verb } from '@isthmus/api/kube/access.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';

const pods: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', isNamespaced: true };
const secrets: Resource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', isNamespaced: true };
const nodes: Resource = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', isNamespaced: false };

const every: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const own = { namespace: 'mesh', name: 'state' };
const object = { metadata: { name: 'state' } };

/** A server that does nothing but write down what it is asked. */
function asked(access: readonly Access[]): { readonly server: ApiServer; readonly calls: string[] } {
  const calls: string[] = [];
  const answers = (verb: string) => () => {
    calls.push(verb);
    return Promise.resolve({ items: [], resourceVersion: '1', continue: '' });
  };
  const inner: ApiServer = {
    list: answers('list'),
    watch: async () => {
      await answers('watch')();
      return (async function* () {
        yield await Promise.resolve({ type: 'BOOKMARK' as const, object: {} });
      })();
    },
    get: answers('get'),
    create: answers('create'),
    replace: answers('update'),
    patch: answers('patch'),
    remove: async () => {
      await answers('delete')();
    },
    read: answers('read'),
  };
  return { server: permitted(inner, access, 'mesh'), calls };
}

/** Each way to call a server, by the verb that it takes. */
function calling(server: ApiServer, resource: Resource): Readonly<Record<Verb, () => Promise<unknown>>> {
  const listed = { ...resource, namespace: 'mesh' };
  const query = { fieldSelector: 'metadata.name=state' };
  return {
    get: () => server.get(resource, own),
    list: () => server.list(listed, query),
    watch: () => server.watch(listed, query, new AbortController().signal),
    create: () => server.create(resource, 'mesh', object),
    update: () => server.replace(resource, own, object),
    patch: () => server.patch(resource, own, { how: 'merge' }, object),
    delete: () => server.remove(resource, own),
  };
}

describe('what a program may do with the API', () => {
  for (const verb of every)
    it(`passes '${verb}' where the list has it, and nothing else`, async () => {
      const { server, calls } = asked([
        { resource: secrets, verbs: [verb], namespaces: 'OWN', names: ['state'] },
      ]);
      for (const [one, call] of Object.entries(calling(server, secrets)))
        if (one === verb) await call();
        else await rejects(call(), new RegExp(`has no '${one}' of secrets 'state' in namespace mesh`));
      deepEqual(calls, [verb]);
    });

  it('refuses another kind, another namespace, another name and another part of the object', async () => {
    const { server } = asked([{ resource: secrets, verbs: ['get'], namespaces: 'OWN', names: ['state'] }]);
    await rejects(server.get(pods, own), /no 'get' of pods/);
    await rejects(server.get(secrets, { ...own, namespace: 'shop' }), /in namespace shop/);
    await rejects(server.get(secrets, { ...own, name: 'other' }), /secrets 'other'/);
    await rejects(server.get(secrets, { ...own, subresource: 'status' }), /secrets\/status/);
  });

  it('refuses a list of all names where the list has names, and of all namespaces where it has its own', async () => {
    const { server } = asked([
      { resource: secrets, verbs: ['list'], namespaces: 'OWN', names: ['state'] },
      { resource: pods, verbs: ['list', 'watch'], namespaces: 'OWN' },
    ]);
    await rejects(
      server.list({ ...secrets, namespace: 'mesh' }, {}),
      /no 'list' of secrets in namespace mesh/,
    );
    await rejects(server.list(pods, {}), /of all namespaces/);
    await rejects(
      () => server.watch(pods, {}, new AbortController().signal),
      /no 'watch' of pods of all namespaces/,
    );
    await server.list({ ...pods, namespace: 'mesh' }, {});
  });

  it('passes status where the list has status, and not the object', async () => {
    const { server, calls } = asked([
      { resource: pods, subresource: 'status', verbs: ['patch'], namespaces: 'ALL' },
    ]);
    await server.patch(pods, { ...own, subresource: 'status' }, { how: 'merge' }, {});
    await rejects(server.patch(pods, own, { how: 'merge' }, {}), /no 'patch' of pods 'state'/);
    deepEqual(calls, ['patch']);
  });

  it('passes kinds without a namespace, and the paths that each caller may read', async () => {
    const { server, calls } = asked([{ resource: nodes, verbs: ['list'], namespaces: 'ALL' }]);
    await server.list(nodes, {});
    await server.read('/version');
    await rejects(server.read('/metrics'), /no access list can allow the path \/metrics/);
    deepEqual(calls, ['list', 'read']);
  });
});
