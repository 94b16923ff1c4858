import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { configMaps } from '@isthmus/api/kube/resources.ts';
import { bytesOf, maxPartBytes, partName } from '@isthmus/cluster-agent/kept/allocation-part.ts';
import { KeptAllocations } from '@isthmus/cluster-agent/kept/kept-allocations.ts';
import { reservedBlock } from '@isthmus/cluster-agent/kept/reserved-block.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { seededRandom } from '../../fakes/random.ts';

const namespace = 'isthmus-system';

describe('addresses of services in ConfigMaps', () => {
  let server: FakeApiServer;
  let clock: FakeClock;
  let stop: AbortController;

  beforeEach(() => {
    server = new FakeApiServer([configMaps]);
    clock = new FakeClock();
    stop = new AbortController();
  });
  afterEach(() => stop.abort(new Error('stopped')));

  async function replica(text = '240.0.0.0/12') {
    const block = reservedBlock(text);
    assert.ok(block.ok);
    const kept: string[] = [];
    const allocations = new KeptAllocations({
      server,
      namespace,
      block: block.value,
      onKept: (services) => void kept.push(...services),
      clock,
      random: seededRandom(1),
      log: silentLog,
      signal: stop.signal,
    });
    await allocations.restore();
    return { allocations, kept };
  }
  const part = (number: number) => {
    const object = server.find(configMaps, namespace, partName(number));
    const { data } = (object ?? {}) as { data?: Record<string, string> };
    return JSON.parse(data?.['addresses.json'] ?? '{}') as Record<string, string>;
  };
  const putPart = (number: number, text: string) =>
    server.put(configMaps, {
      metadata: { name: partName(number), namespace },
      data: { 'addresses.json': text },
    });
  const reasons = (of: KeptAllocations) => of.conditions().map(({ reason }) => reason);

  it('are given once they are written, and not before', async () => {
    const { allocations, kept } = await replica();
    allocations.want('shop/cart');
    assert.equal(allocations.get('shop/cart'), undefined);
    await clock.advance(0);
    assert.deepEqual(kept, ['shop/cart']);
    assert.match(allocations.get('shop/cart') ?? '', /^24\d\./);
    assert.equal(part(0)['shop/cart'], allocations.get('shop/cart'));
  });

  it('are written in one call when they are wanted together', async () => {
    const { allocations, kept } = await replica();
    for (let i = 0; i < 1000; i++) allocations.want(`shop/s-${i}`);
    await clock.advance(0);
    assert.equal(kept.length, 1000);
    assert.equal(server.calls.filter(({ verb }) => verb !== 'get').length, 1);
    assert.equal(new Set(Object.values(part(0))).size, 1000);
  });

  it('are the same for a successor, and mostly also when all that was kept is lost', async () => {
    const { allocations } = await replica();
    allocations.want('shop/cart');
    await clock.advance(0);
    const address = allocations.get('shop/cart');
    assert.equal((await replica()).allocations.get('shop/cart'), address);
    server.delete(configMaps, namespace, partName(0));
    const { allocations: fresh } = await replica();
    fresh.want('shop/cart');
    await clock.advance(0);
    assert.equal(fresh.get('shop/cart'), address);
  });

  it('are those of the first replica that writes when two want one at the same time', async () => {
    const [a, b] = [await replica('240.0.0.0/29'), await replica('240.0.0.0/29')];
    a.allocations.want('shop/a');
    b.allocations.want('shop/b');
    await clock.advance(10_000);
    b.allocations.want('shop/a');
    await clock.advance(10_000);
    assert.equal(b.allocations.get('shop/a'), a.allocations.get('shop/a'));
    assert.notEqual(b.allocations.get('shop/b'), a.allocations.get('shop/a'));
    assert.deepEqual(part(0), {
      'shop/a': a.allocations.get('shop/a'),
      'shop/b': b.allocations.get('shop/b'),
    });
  });

  it('are given back, and then to others', async () => {
    const { allocations, kept } = await replica('240.0.0.0/29');
    for (let i = 0; i < 7; i++) allocations.want(`shop/s-${i}`);
    await clock.advance(0);
    assert.equal(kept.length, 6);
    assert.deepEqual(reasons(allocations), ['BLOCK_FULL']);
    assert.match(
      allocations.conditions()[0]?.message ?? '',
      /1 services .* shop\/s-6: 240.0.0.0\/29 has no more/,
    );
    allocations.drop('shop/s-0');
    await clock.advance(0);
    assert.equal(allocations.get('shop/s-0'), undefined);
    assert.ok(allocations.get('shop/s-6') !== undefined);
    assert.deepEqual(reasons(allocations), []);
  });

  it('wait for an API server that is away, which is a condition meanwhile', async () => {
    const { allocations, kept } = await replica();
    server.before = ({ verb }) =>
      verb === 'create' ? new ApiFailure('API_FORBIDDEN', 'configmaps is forbidden') : undefined;
    allocations.want('shop/cart');
    await clock.advance(5000);
    assert.deepEqual(kept, []);
    assert.deepEqual(reasons(allocations), ['ADDRESSES_NOT_KEPT']);
    server.before = () => undefined;
    await clock.advance(30_000);
    assert.deepEqual(kept, ['shop/cart']);
    assert.deepEqual(reasons(allocations), []);
  });

  it('after a manual edit count where they can be read, are in the block and no other service has them', async () => {
    putPart(
      0,
      JSON.stringify({ 'shop/a': '240.0.0.1', 'shop/b': '240.0.0.1', 'shop/c': '10.0.0.1', 'shop/d': 'x' }),
    );
    const { allocations } = await replica('240.0.0.0/29');
    const all = () => ['a', 'b', 'c', 'd'].map((one) => allocations.get(`shop/${one}`));
    assert.deepEqual(all(), ['240.0.0.1', undefined, undefined, undefined]);
    for (const one of ['b', 'c', 'd']) allocations.want(`shop/${one}`);
    await clock.advance(0);
    assert.equal(new Set(all()).size, 4);
    assert.deepEqual(
      all(),
      ['a', 'b', 'c', 'd'].map((one) => part(0)[`shop/${one}`]),
    );
  });

  for (const text of ['no JSON', '[]', '{"shop/a":1}'])
    it(`are given again when a manual edit has made them ${text}`, async () => {
      putPart(0, text);
      const { allocations, kept } = await replica();
      allocations.want('shop/cart');
      await clock.advance(0);
      assert.deepEqual(kept, ['shop/cart']);
    });

  describe('fill a ConfigMap', () => {
    const service = 's'.repeat(20);
    /** A first part with so many bytes left for another service. */
    const filled = (left: number) => {
      const entries: Record<string, string> = {};
      let bytes = 2;
      for (let i = 1; bytes + 600 < maxPartBytes - left; i++) {
        const address = `240.0.${i >> 8}.${i & 255}`;
        const key = String(i).padEnd(400, '-');
        entries[key] = address;
        bytes += bytesOf(key, address);
      }
      const address = '240.0.200.1';
      const rest = maxPartBytes - left - bytes - bytesOf('', address);
      entries['x'.repeat(rest)] = address;
      putPart(0, JSON.stringify(entries));
    };
    const wanted = async () => {
      const { allocations } = await replica();
      allocations.want(service);
      await clock.advance(0);
      return [0, 1].find((number) => part(number)[service] !== undefined);
    };
    const bytes = (address: string) => bytesOf(service, address);

    it('up to its bound, and then the next one', async () => {
      const { allocations } = await replica();
      allocations.want(service);
      await clock.advance(0);
      const needed = bytes(allocations.get(service) ?? '');
      for (const [left, number] of [
        [needed - 1, 1],
        [needed, 0],
        [needed + 1, 0],
      ] as const) {
        server.delete(configMaps, namespace, partName(0));
        server.delete(configMaps, namespace, partName(1));
        filled(left);
        assert.equal(await wanted(), number, `${left} bytes are left`);
      }
    });
  });
});
