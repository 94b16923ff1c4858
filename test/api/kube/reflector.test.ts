import assert from 'node:assert/strict';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { settled } from '../../fakes/turns.ts';
import { Followed, away, broken, failure, policies, service, services } from './followed.ts';

describe('a reflector', () => {
  let followed: Followed;
  const follow = async (...args: ConstructorParameters<typeof Followed>) =>
    (followed = await new Followed(...args).start());
  afterEach(() => followed.stop());

  describe('lists', () => {
    for (const count of [499, 500, 501, 1001])
      it(`${count} objects in pages of 500`, async () => {
        const server = new FakeApiServer([services]);
        for (let i = 0; i < count; i++) server.put(services, service(`s-${i}`));
        await follow(services, { server });
        assert.equal(followed.objects.size, count);
        const lists = server.calls.filter(({ verb }) => verb === 'list');
        assert.equal(lists.length, Math.ceil(count / 500));
        assert.ok(
          lists.every(({ query }) => query['limit'] === '500' && query['resourceVersion'] === undefined),
        );
        assert.equal(followed.reflector.known, 'LISTED');
      });

    it('and gives each object its apiVersion and kind, which items of a list have not', async () => {
      const server = new FakeApiServer([policies]);
      server.put(policies, service('deny'));
      await follow(policies, { server });
      const { apiVersion, kind } = followed.objects.get('shop/deny') as Record<string, unknown>;
      assert.deepEqual([apiVersion, kind], ['security.istio.io/v1', 'AuthorizationPolicy']);
    });

    it('again from the start, after 410 for the next page, and deletes nothing', async () => {
      const server = new FakeApiServer([services]);
      for (let i = 0; i < 700; i++) server.put(services, service(`s-${i}`));
      server.fail('list', 'services', undefined, failure('API_GONE', 410));
      await follow(services, { server });
      assert.equal(followed.objects.size, 700);
      assert.ok(followed.changes.every(({ type }) => type === 'put'));
      assert.equal(followed.calls('list'), 4);
    });

    it('goes on at the page that failed', async () => {
      const server = new FakeApiServer([services]);
      for (let i = 0; i < 700; i++) server.put(services, service(`s-${i}`));
      server.fail('list', 'services', undefined, broken);
      await follow(services, { server });
      assert.equal(followed.reflector.known, 'UNKNOWN', 'half a list is no list');
      await followed.clock.advance(200);
      await settled();
      assert.equal(followed.objects.size, 700);
      assert.equal(followed.calls('list'), 3);
    });

    it('with the selectors that it has', async () => {
      const server = new FakeApiServer([services]);
      server.put(services, service('cart'));
      server.put(services, service('hub'));
      await follow(services, { server, query: { fieldSelector: 'metadata.name=hub' } });
      assert.deepEqual(followed.keys, ['shop/hub']);
      assert.deepEqual(await followed.during(() => void server.put(services, service('other'))), []);
    });

    it('only one namespace, when one is named', async () => {
      const server = new FakeApiServer([services]);
      server.put(services, service('cart', 'shop'));
      server.put(services, service('hub', 'isthmus-system'));
      await follow({ ...services, namespace: 'isthmus-system' }, { server });
      assert.deepEqual(followed.keys, ['isthmus-system/hub']);
    });
  });

  describe('watches', () => {
    it('what is added, changed and deleted after the list', async () => {
      const { server } = await follow();
      assert.deepEqual(await followed.during(() => void server.put(services, service('cart'))), [
        'put shop/cart',
      ]);
      assert.deepEqual(
        await followed.during(() => void server.put(services, service('cart', 'shop', { a: 'b' }))),
        ['put shop/cart'],
      );
      assert.deepEqual(await followed.during(() => server.delete(services, 'shop', 'cart')), [
        'gone shop/cart',
      ]);
    });

    it('with bookmarks and a time limit of 290 to 350 s that is drawn', async () => {
      for (const [fraction, seconds] of [
        [0, '290'],
        [0.999, '350'],
      ] as const) {
        await follow(services, { fraction });
        const { query } = followed.server.calls.find(({ verb }) => verb === 'watch') ?? {};
        assert.equal(query?.['allowWatchBookmarks'], 'true');
        assert.equal(query['timeoutSeconds'], seconds);
        if (fraction === 0) await followed.stop();
      }
    });

    it('on from the last version that it saw, of an event or a bookmark, when the server ends a watch', async () => {
      const { server } = await follow();
      server.put(policies, service('elsewhere'));
      server.bookmark();
      await settled();
      await followed.clock.advance(1000);
      server.compact();
      server.closeWatches();
      await settled();
      assert.deepEqual(await followed.during(() => void server.put(services, service('cart'))), [
        'put shop/cart',
      ]);
      assert.equal(followed.calls('list'), 1, 'the version of the bookmark was known to the server');
    });

    it('again at once after one that lasted a second, and after a wait when it was shorter', async () => {
      const { server } = await follow();
      await followed.clock.advance(999);
      server.closeWatches();
      await settled();
      assert.equal(followed.calls('watch'), 1);
      await followed.clock.advance(200);
      await settled();
      assert.equal(followed.calls('watch'), 2);
      await followed.clock.advance(1000);
      server.closeWatches();
      await settled();
      assert.equal(followed.calls('watch'), 3);
    });

    it('what happened while it did not', async () => {
      const { server } = await follow();
      server.fail('watch', 'services', away);
      await followed.clock.advance(1000);
      server.closeWatches();
      await settled();
      server.put(services, service('cart'));
      server.put(services, service('gone'));
      server.delete(services, 'shop', 'gone');
      await followed.clock.advance(200);
      await settled();
      assert.deepEqual(followed.keys, ['shop/cart']);
      assert.equal(followed.calls('list'), 1);
    });
  });

  describe('after 410', () => {
    it('lists again at once, and deletes only what the new list lacks', async () => {
      const { server } = await follow();
      for (const name of ['cart', 'stays', 'goes']) server.put(services, service(name));
      await settled();
      await followed.clock.advance(1000);
      server.fail('watch', 'services', failure('API_GONE', 410));
      const changes = await followed.during(async () => {
        server.closeWatches();
        server.delete(services, 'shop', 'goes');
        server.put(services, service('cart', 'shop', { changed: 'yes' }));
        server.put(services, service('new'));
        await settled();
      });
      assert.deepEqual(changes, ['put shop/cart', 'put shop/new', 'gone shop/goes']);
      assert.equal(followed.reflector.trouble, undefined, 'a version that is forgotten is no fault');
    });

    it('from an ERROR event in the middle of a watch, too', async () => {
      const { server } = await follow();
      server.put(services, service('cart'));
      await settled();
      server.closeWatches(services, failure('API_GONE', 410));
      await settled();
      assert.equal(followed.calls('list'), 2);
      assert.deepEqual(followed.keys, ['shop/cart']);
    });

    it('waits when it is answered again and again', async () => {
      const server = new FakeApiServer([services]);
      server.before = ({ verb }) => (verb === 'watch' ? failure('API_GONE', 410) : undefined);
      await follow(services, { server });
      const lists = followed.calls('list');
      assert.ok(lists <= 2, `${lists} lists without a wait`);
      await followed.clock.advance(60_000);
      assert.ok(followed.calls('list') < 15, `${followed.calls('list')} lists in a minute`);
      assert.equal(followed.reflector.trouble?.failure.code, 'API_GONE');
    });
  });

  describe('of a kind whose CRD is missing', () => {
    it('counts as listed and empty, and is followed within 5 s of its appearing', async () => {
      const { server } = await follow(policies, { server: new FakeApiServer() });
      assert.equal(followed.reflector.known, 'MISSING');
      assert.equal(followed.reflector.trouble, undefined);
      await followed.clock.advance(60_000);
      server.addKind(policies);
      server.put(policies, service('deny'));
      await followed.clock.advance(4000);
      await settled();
      assert.deepEqual(followed.keys, ['shop/deny']);
      assert.equal(followed.reflector.known, 'LISTED');
    });

    it('that is deleted becomes empty and is asked for again', async () => {
      const { server } = await follow(policies);
      server.put(policies, service('deny'));
      await settled();
      await followed.clock.advance(1000);
      server.removeKind(policies);
      await settled();
      await followed.clock.advance(8000);
      assert.deepEqual(followed.keys, []);
      assert.equal(followed.reflector.known, 'MISSING');
      server.addKind(policies);
      server.put(policies, service('again'));
      await followed.clock.advance(4000);
      await settled();
      assert.deepEqual(followed.keys, ['shop/again']);
    });

    it('in one version is asked for in an older one', async () => {
      const older = { ...policies, version: 'v1beta1' };
      const { server } = await follow(policies, {
        server: new FakeApiServer([older]),
        olderVersions: ['v1beta1'],
      });
      server.put(older, service('deny'));
      await settled();
      assert.deepEqual(followed.keys, ['shop/deny']);
      assert.equal(
        (followed.objects.get('shop/deny') as { apiVersion: string }).apiVersion,
        'security.istio.io/v1beta1',
      );
      assert.equal(followed.reflector.known, 'LISTED');
    });

    it('in all its versions counts as missing, and is asked for in the newest first', async () => {
      const { server } = await follow(policies, { server: new FakeApiServer(), olderVersions: ['v1beta1'] });
      assert.equal(followed.reflector.known, 'MISSING');
      assert.equal(followed.calls('list'), 2);
      server.addKind(policies);
      server.put(policies, service('deny'));
      await followed.clock.advance(4000);
      await settled();
      assert.equal(
        (followed.objects.get('shop/deny') as { apiVersion: string }).apiVersion,
        'security.istio.io/v1',
      );
    });

    it('keeps what is known after one answer of 404, and drops it after two in a row', async () => {
      const { server } = await follow(policies);
      server.put(policies, service('deny'));
      await settled();
      await followed.clock.advance(1000);
      const missing = failure('API_NOT_FOUND', 404);
      server.fail('watch', 'authorizationpolicies', missing);
      server.closeWatches();
      await settled();
      assert.deepEqual(followed.keys, ['shop/deny']);
      await followed.clock.advance(4000);
      await settled();
      assert.deepEqual(followed.keys, ['shop/deny'], 'the list had it');
      server.fail('watch', 'authorizationpolicies', missing);
      server.fail('list', 'authorizationpolicies', missing);
      await followed.clock.advance(1000);
      server.closeWatches();
      await settled();
      await followed.clock.advance(4000);
      await settled();
      assert.deepEqual(followed.keys, []);
    });
  });

  it('reports an object once, however often it is listed in the same version', async () => {
    const { server } = await follow();
    server.put(services, service('cart'));
    await settled();
    assert.deepEqual(
      await followed.during(() => server.closeWatches(services, failure('API_GONE', 410))),
      [],
    );
  });

  it('ends in the middle of a list, a wait and a watch', async () => {
    for (const outcomes of [['HANG'], [broken], []] as const) {
      const server = new FakeApiServer([services]);
      server.fail('list', 'services', ...outcomes);
      await follow(services, { server });
      await followed.stop();
    }
  });
});
