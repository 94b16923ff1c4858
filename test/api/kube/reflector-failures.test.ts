import assert from 'node:assert/strict';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { silenceMillis } from '@isthmus/api/kube/reflector.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { settled, turn } from '../../fakes/turns.ts';
import { Followed, away, broken, busy, failure, forbidden, services, service } from './followed.ts';

describe('a reflector, when a server fails,', () => {
  let followed: Followed;
  const follow = async (...args: ConstructorParameters<typeof Followed>) =>
    (followed = await new Followed(...args).start());
  afterEach(() => followed.stop());

  describe('keeps what is known while the server', () => {
    for (const [what, one] of [
      ['forbids it', forbidden],
      ['has too much to do (429)', busy],
      ['fails (500)', broken],
      ['is not available (503)', failure('API_BUSY', 503)],
      ['cannot be reached', away],
      ['does not know the caller', failure('API_UNAUTHENTICATED', 401)],
      ['sends what cannot be read', failure('API_MALFORMED', 200)],
    ] as const)
      it(`${what}, names the verb, and goes on afterwards`, async () => {
        const { server } = await follow();
        server.put(services, service('cart'));
        await settled();
        let isDown = true;
        server.before = () => (isDown ? one : undefined);
        server.closeWatches();
        await settled();
        await followed.clock.advance(120_000);
        assert.deepEqual(followed.keys, ['shop/cart']);
        assert.equal(followed.reflector.known, 'LISTED');
        assert.equal(followed.reflector.trouble?.failure, one);
        isDown = false;
        server.put(services, service('new'));
        await followed.clock.advance(30_000);
        await settled();
        assert.deepEqual(followed.keys, ['shop/cart', 'shop/new']);
        assert.equal(followed.reflector.trouble, undefined);
      });

    it('forbids the watch alone: that the list works does not hide it', async () => {
      const { server } = await follow();
      server.before = ({ verb }) => (verb === 'watch' ? forbidden : undefined);
      await followed.clock.advance(1000);
      server.closeWatches();
      await settled();
      await followed.clock.advance(60_000);
      assert.equal(followed.reflector.trouble?.verb, 'watch');
      assert.equal(followed.calls('list'), 1);
    });

    it('hangs in the middle of a watch: after 100 s without event or bookmark it watches again', async () => {
      const { server } = await follow();
      await followed.clock.advance(silenceMillis - 1);
      assert.equal(followed.calls('watch'), 1);
      await followed.clock.advance(1);
      await settled();
      assert.equal(followed.calls('watch'), 2);
      assert.deepEqual(await followed.during(() => void server.put(services, service('cart'))), [
        'put shop/cart',
      ]);
      assert.equal(followed.reflector.trouble, undefined);
    });

    it('sends bookmarks: these are no silence', async () => {
      const { server } = await follow();
      for (let i = 0; i < 10; i++) {
        await followed.clock.advance(75_000);
        server.bookmark();
        await settled();
      }
      assert.equal(followed.calls('watch'), 1);
    });

    it('does not answer a watch at all: the kind is in trouble after 100 s', async () => {
      const server = new FakeApiServer([services]);
      server.fail('watch', 'services', 'HANG');
      await follow(services, { server });
      await followed.clock.advance(silenceMillis);
      await settled();
      assert.equal(followed.reflector.trouble?.failure.code, 'API_UNREACHABLE');
      await followed.clock.advance(200);
      await settled();
      assert.equal(followed.reflector.trouble, undefined);
    });
  });

  describe('waits', () => {
    const waits = async (fraction: number): Promise<readonly number[]> => {
      const server = new FakeApiServer([services]);
      const at: number[] = [];
      server.before = () => {
        at.push(followed.clock.monotonic());
        return broken;
      };
      followed = new Followed(services, { server, fraction });
      await followed.start();
      await followed.clock.advance(200_000);
      return at.slice(1, 12).map((time, i) => time - (at[i] ?? 0));
    };

    it('0.2 s after a failure, doubled up to 30 s', async () =>
      assert.deepEqual(
        await waits(1),
        [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000],
      ));

    it('with jitter: half of it is drawn', async () =>
      assert.deepEqual((await waits(0)).slice(0, 4), [100, 200, 400, 800]));

    for (const [asked, waited] of [
      [199, 200],
      [200, 200],
      [201, 201],
      [299_999, 299_999],
      [300_000, 300_000],
      [300_001, 300_000],
    ] as const)
      it(`${waited} ms where Retry-After says ${asked}`, async () => {
        const server = new FakeApiServer([services]);
        server.fail('list', 'services', failure('API_BUSY', 429, asked));
        await follow(services, { server });
        await followed.clock.advance(waited - 1);
        assert.equal(followed.calls('list'), 1);
        await followed.clock.advance(1);
        assert.equal(followed.calls('list'), 2);
      });

    it('0.2 s again once a watch has shown something', async () => {
      const { server } = await follow();
      server.fail('watch', 'services', away, away, away, away);
      server.closeWatches();
      await settled();
      await followed.clock.advance(10_000);
      server.put(services, service('cart'));
      await settled();
      server.closeWatches();
      await settled();
      await followed.clock.advance(200);
      await settled();
      assert.equal(server.watches(services), 1);
    });
  });

  describe('refuses alone', () => {
    it('an item of a list without a name, and deletes nothing by that list', async () => {
      const server = new FakeApiServer([services]);
      server.put(services, service('cart'));
      server.put(services, service('gone'));
      const listWithout: ApiServer['list'] = async (...args) => {
        const page = await server.list(...args);
        return isOdd
          ? { ...page, items: [...page.items, { spec: {} }, null, 'text', { metadata: { name: 7 } }] }
          : page;
      };
      let isOdd = false;
      await follow(services, { server, api: { list: listWithout } });
      isOdd = true;
      server.delete(services, 'shop', 'gone');
      await settled();
      server.put(services, service('later'));
      server.closeWatches(services, failure('API_GONE', 410));
      await settled();
      assert.deepEqual(followed.keys, ['shop/cart', 'shop/later']);
      assert.equal(followed.reflector.unnamed, 4);
    });

    it('an event without a name', async () => {
      const { server } = await follow();
      for (const object of [{}, { metadata: {} }, null, 'text', { metadata: null }])
        server.send(services, { type: 'MODIFIED', object });
      server.send(services, { type: 'BOOKMARK', object: {} });
      assert.deepEqual(await followed.during(() => void server.put(services, service('cart'))), [
        'put shop/cart',
      ]);
      assert.equal(followed.reflector.unnamed, 6);
      assert.equal(followed.calls('watch'), 1);
    });

    it('a line that cannot be read, by a new list, as nobody knows which object it was', async () => {
      const { server } = await follow();
      server.put(services, service('cart'));
      await settled();
      server.closeWatches(services, failure('API_MALFORMED', 200));
      await settled();
      server.put(services, service('missed'));
      await followed.clock.advance(200);
      await settled();
      assert.equal(followed.calls('list'), 2);
      assert.deepEqual(followed.keys, ['shop/cart', 'shop/missed']);
    });

    it('a list without an end', async () => {
      let pages = 0;
      await follow(services, {
        api: {
          list: async () => {
            await turn();
            pages++;
            return { items: [], resourceVersion: '1', continue: 'more' };
          },
        },
      });
      while (!followed.reflector.trouble) await turn();
      assert.equal(pages, 2001);
      assert.equal(followed.reflector.trouble.failure.code, 'API_MALFORMED');
      assert.equal(followed.reflector.known, 'UNKNOWN');
    });
  });
});
