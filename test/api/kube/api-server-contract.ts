import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Resource, WatchEvent } from '@isthmus/api/kube/api-server.ts';
import { listQuery, watchQuery } from '@isthmus/api/kube/reflection.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

const namespaces: Resource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  isNamespaced: false,
};
export const configMaps: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  isNamespaced: true,
};
const nodes: Resource = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', isNamespaced: false };
const missing: Resource = {
  group: 'missing.example',
  version: 'v1',
  kind: 'Missing',
  plural: 'missings',
  isNamespaced: true,
};
export const contractKinds = [namespaces, configMaps, nodes];

interface Loose {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
    readonly uid: string;
    readonly labels?: Record<string, string>;
  };
  readonly data?: Record<string, string>;
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { readonly type: string }[] };
}

const asObject = (object: unknown): Loose => object as Loose;

const code =
  (expected: string, ...texts: readonly RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ApiFailure, String(error));
    assert.equal(error.code, expected, error.message);
    for (const text of texts) assert.match(error.message, text);
    return true;
  };

/** What every API server does, the real one and the double. */
export function itIsAnApiServer(serverOf: () => ApiServer): void {
  let server: ApiServer;
  let count = 0;
  /** A namespace of each test's own. */
  let namespace = '';
  const at = (name: string) => ({ namespace, name });
  const create = async (
    name: string,
    data: Record<string, string> = {},
    labels: Record<string, string> = {},
  ) => asObject(await server.create(configMaps, namespace, { metadata: { name, labels }, data }));
  const inNamespace = () => ({ ...configMaps, namespace });

  beforeEach(async () => {
    server = serverOf();
    namespace = `contract-${++count}`;
    await server.create(namespaces, '', { metadata: { name: namespace } });
  });

  it('creates an object, gives it, and gives it a uid and a resourceVersion', async () => {
    const created = await create('one', { a: 'b' });
    const got = asObject(await server.get(configMaps, at('one')));
    assert.deepEqual(got.metadata, created.metadata);
    assert.equal(got.data?.['a'], 'b');
    assert.ok(got.metadata.uid !== '' && got.metadata.resourceVersion !== '');
  });

  it('refuses to create what is there (409), and to give what is not (404), naming both', async () => {
    await create('one');
    await assert.rejects(create('one'), code('API_CONFLICT', /create of configmaps contract-\d+\/one/));
    await assert.rejects(
      server.get(configMaps, at('two')),
      code('API_NOT_FOUND', /get of configmaps .*\/two/),
    );
    await assert.rejects(server.remove(configMaps, at('two')), code('API_NOT_FOUND', /delete of configmaps/));
  });

  it('replaces by resourceVersion: an old one is refused with 409', async () => {
    const first = await create('one', { a: '1' });
    const second = asObject(await server.replace(configMaps, at('one'), { ...first, data: { a: '2' } }));
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    await assert.rejects(
      server.replace(configMaps, at('one'), { ...first, data: { a: '3' } }),
      code('API_CONFLICT', /update of configmaps/, /read the object again/),
    );
    assert.equal(asObject(await server.get(configMaps, at('one'))).data?.['a'], '2');
  });

  it('merges a patch, and removes what is null in it', async () => {
    await create('one', { a: '1', b: '1' });
    const patched = await server.patch(
      configMaps,
      at('one'),
      { how: 'merge' },
      { data: { a: null, c: '1' } },
    );
    assert.deepEqual(asObject(patched).data, { b: '1', c: '1' });
  });

  describe('with server-side apply', () => {
    const apply = async (manager: string, data: Record<string, string>, force = false) => {
      const patch = { how: 'apply', fieldManager: manager, force } as const;
      return asObject(
        await server.patch(configMaps, at('one'), patch, { metadata: { name: 'one', namespace }, data }),
      );
    };

    it('creates what is not there, and removes what a manager no longer applies', async () => {
      await apply('isthmus', { a: '1', b: '1' });
      assert.deepEqual((await apply('isthmus', { a: '2' })).data, { a: '2' });
    });

    it('leaves the fields of other managers alone', async () => {
      await apply('isthmus', { a: '1' });
      await apply('other', { b: '1' });
      assert.deepEqual((await apply('isthmus', { a: '2' })).data, { a: '2', b: '1' });
    });

    it('refuses a field of another manager with 409, and takes it by force', async () => {
      await apply('other', { a: '1' });
      await assert.rejects(apply('isthmus', { a: '2' }), code('API_CONFLICT', /other/, /data\.a/));
      assert.deepEqual((await apply('isthmus', { a: '2' }, true)).data, { a: '2' });
    });

    it('changes no version when nothing changes', async () => {
      const first = await apply('isthmus', { a: '1' });
      assert.equal(
        (await apply('isthmus', { a: '1' })).metadata.resourceVersion,
        first.metadata.resourceVersion,
      );
    });
  });

  it('changes the status alone by its subresource, and not by the object', async () => {
    const name = `node-${count}`;
    await server.create(nodes, '', { metadata: { name } });
    const place = { namespace: '', name };
    const conditions = [{ type: 'Ready', status: 'True' }];
    await server.patch(
      nodes,
      { ...place, subresource: 'status' },
      { how: 'merge' },
      { status: { conditions } },
    );
    await server.patch(
      nodes,
      place,
      { how: 'merge' },
      { metadata: { labels: { a: 'b' } }, status: { conditions: [] } },
    );
    const node = asObject(await server.get(nodes, place));
    assert.equal(node.status?.conditions?.[0]?.type, 'Ready');
    assert.equal(node.metadata.labels?.['a'], 'b');
    await server.remove(nodes, place);
  });

  it('lists in pages, whose tokens lead to the end', async () => {
    for (let i = 0; i < 5; i++) await create(`c-${i}`);
    const names: string[] = [];
    let next = '';
    let pages = 0;
    do {
      const page = await server.list(inNamespace(), { ...listQuery({}, next), limit: '2' });
      names.push(...page.items.map((item) => asObject(item).metadata.name));
      next = page.continue;
      pages++;
    } while (next !== '');
    assert.deepEqual([names.filter((name) => name.startsWith('c-')).length, pages >= 3], [5, true]);
  });

  it('lists by labels and by name', async () => {
    await create('one', {}, { app: 'cart' });
    await create('two', {}, { app: 'other' });
    const byLabel = await server.list(inNamespace(), { labelSelector: 'app=cart' });
    assert.deepEqual(
      byLabel.items.map((item) => asObject(item).metadata.name),
      ['one'],
    );
    const byName = await server.list(inNamespace(), { fieldSelector: 'metadata.name=two' });
    assert.deepEqual(
      byName.items.map((item) => asObject(item).metadata.name),
      ['two'],
    );
  });

  it('shows in a watch what has happened since a version, and then what happens', async () => {
    const { resourceVersion } = await server.list(inNamespace(), {});
    await create('before');
    const end = new AbortController();
    const query = watchQuery({}, resourceVersion, systemRandom);
    const events = await server.watch(inNamespace(), query, end.signal);
    const seen: string[] = [];
    const say = ({ type, object }: WatchEvent) => seen.push(`${type} ${asObject(object).metadata.name}`);
    for await (const event of events) {
      if (event.type === 'BOOKMARK') continue;
      say(event);
      if (seen.length === 1)
        await server.patch(configMaps, at('before'), { how: 'merge' }, { data: { a: '1' } });
      if (seen.length === 2) await server.remove(configMaps, at('before'));
      if (seen.length === 3) break;
    }
    end.abort();
    assert.deepEqual(seen, ['ADDED before', 'MODIFIED before', 'DELETED before']);
  });

  it('ends a watch that is given up', async () => {
    const { resourceVersion } = await server.list(inNamespace(), {});
    const end = new AbortController();
    const events = await server.watch(
      inNamespace(),
      watchQuery({}, resourceVersion, systemRandom),
      end.signal,
    );
    const read = (async () => {
      for await (const event of events) assert.ok(event);
    })();
    end.abort();
    await assert.rejects(read, code('API_UNREACHABLE'));
  });

  it('answers with 404 for a kind that it does not know', async () => {
    await assert.rejects(
      server.list(missing, {}),
      code('API_NOT_FOUND', /list of missings\.missing\.example/),
    );
    await assert.rejects(
      server.watch(missing, watchQuery({}, '1', systemRandom), new AbortController().signal),
      code('API_NOT_FOUND', /watch of missings\.missing\.example/, /CRD/),
    );
  });

  it('refuses names that are no part of a path', async () => {
    for (const name of ['', '.', '..', 'a/b', 'a%2fb', 'a\\b'])
      await assert.rejects(server.get(configMaps, at(name)), code('API_INVALID', /is no name of an object/));
  });

  it('reads what is no object', async () => {
    const version = (await server.read('/version')) as { major: string };
    assert.equal(version.major, '1');
    await assert.rejects(server.read('/nowhere'), code('API_NOT_FOUND', /get of \/nowhere/));
  });
}
