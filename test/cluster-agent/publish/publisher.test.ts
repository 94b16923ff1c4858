import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { podKey, policyKey } from '@isthmus/cluster-agent/keys/names.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { aWorkload } from '../../fakes/records.ts';
import { byName, emptySnapshot } from '../../fakes/xds-world.ts';
import { port, PublisherWorld } from './publisher-world.ts';

describe('the publisher', () => {
  it('derives nothing before it is open, and everything then', () => {
    const world = new PublisherWorld();
    world.touch(port(80));
    assert.equal(world.asked, 0);
    world.publisher.open();
    world.publisher.open();
    world.runTurns();
    assert.deepEqual(
      world.published.map(({ keys }) => keys),
      [[{ kind: 'synced' }]],
    );
  });

  it('publishes what is touched within one turn as one delta', async () => {
    const world = await PublisherWorld.open();
    for (const number of [80, 443, 80]) world.touch(port(number));
    assert.equal(world.asked, 1);
    world.runTurns();
    assert.deepEqual(world.published, [{ at: 1000, keys: [port(80), port(443)] }]);
    assert.deepEqual(world.revisions, [1n, 2n]);
  });

  it('runs no turn, no timer and no derivation when nothing is touched', async () => {
    const world = await PublisherWorld.open();
    world.touch(port(80));
    world.runTurns();
    await world.clock.advance(60_000);
    assert.deepEqual([world.asked, world.translations, world.clock.pending], [1, 1, 0]);
  });

  it('names the resources that differ', async () => {
    const world = await PublisherWorld.open();
    world.nameInWorkload('shop/p');
    world.touch(port(80));
    world.runTurns();
    assert.deepEqual(world.deltas.at(-1)?.changed, new Map([[typeUrls.address, new Set(['w'])]]));
  });

  it('says what is not published yet', async () => {
    const world = await PublisherWorld.open();
    world.touch(port(80));
    assert.equal(world.publisher.isSettled(port(80)), false);
    assert.equal(world.publisher.isSettled(port(81)), true);
    world.runTurns();
    assert.equal(world.publisher.isSettled(port(80)), true);
    world.touch(port(80));
    world.runTurns();
    assert.equal(world.publisher.isSettled(port(80)), false, 'it waits for its time');
    await world.wait(20);
    assert.equal(world.publisher.isSettled(port(80)), true);
  });
});

describe('a key that the publisher has published', () => {
  for (const [after, due] of [
    [39, 59],
    [40, 40],
    [41, 41],
  ] as const)
    it(`and that is touched again ${after} ms later is due ${due - after} ms after that`, async () => {
      const world = await PublisherWorld.open();
      world.touch(port(80));
      await world.wait(after);
      world.touch(port(80));
      await world.wait(200);
      assert.deepEqual(world.timesOf(port(80)), [0, due]);
    });

  it('waits 20, 40, 80 and then 100 ms for as long as it repeats, and a rest ends that', async () => {
    const world = await PublisherWorld.open();
    const flap = async (millis: number) => {
      for (let i = 0; i < millis; i++) {
        world.touch(port(80));
        await world.wait(1);
      }
    };
    await flap(445);
    assert.deepEqual(world.timesOf(port(80)).slice(0, 6), [0, 21, 61, 141, 241, 341]);
    await world.wait(200);
    world.published.length = 0;
    world.touch(port(80));
    await world.wait(1);
    assert.equal(world.published.length, 1, 'at once again');
  });

  it('is published at most 12 times a second when it is touched 50 times', async () => {
    const world = await PublisherWorld.open();
    for (let i = 0; i < 50; i++) {
      world.touch(port(80));
      await world.wait(20);
    }
    const times = world.timesOf(port(80)).length;
    assert.ok(times >= 8 && times <= 12, `${times} times`);
  });

  it('is published at once each time when it is touched 20 times a second', async () => {
    const world = await PublisherWorld.open();
    for (let i = 0; i < 20; i++) {
      world.touch(port(80));
      await world.wait(50);
    }
    assert.deepEqual(
      world.timesOf(port(80)),
      Array.from({ length: 20 }, (_, i) => 50 * i),
    );
  });

  it('does not delay others while it waits', async () => {
    const world = await PublisherWorld.open();
    world.touch(port(80));
    await world.wait(10);
    world.touch(port(80));
    await world.wait(5);
    world.touch(port(443));
    await world.wait(100);
    assert.deepEqual(world.timesOf(port(443)), [15]);
    assert.deepEqual(world.timesOf(port(80)), [0, 30]);
  });
});

describe('many keys at the publisher', () => {
  it('that are touched in one turn are one delta', async () => {
    const world = await PublisherWorld.open();
    world.touch(...Array.from({ length: 1000 }, (_, i) => port(i)));
    await world.wait(500);
    assert.equal(world.published.length, 1);
  });

  it('that are touched one by one, 1,000 in 300 ms, are at most 10 deltas', async () => {
    const world = await PublisherWorld.open();
    for (let i = 0; i < 1000; i++) {
      world.touch(port(i));
      world.runTurns();
      await world.clock.advance(0.3);
    }
    await world.wait(200);
    assert.ok(world.published.length <= 10, `${world.published.length} deltas`);
    const keys = world.published.flatMap((one) => one.keys);
    assert.equal(keys.length, 1000);
  });

  it('begin a wave with the fifth flush in 20 ms, not with the fourth', async () => {
    const world = await PublisherWorld.open();
    for (let i = 0; i < 5; i++) {
      world.touch(port(i));
      await world.wait(1);
    }
    await world.wait(100);
    assert.deepEqual(
      world.published.map(({ at }) => at - 1000),
      [0, 1, 2, 3, 24],
    );
  });

  it('are no wave when a flush comes every 5 ms', async () => {
    const world = await PublisherWorld.open();
    for (let i = 0; i < 20; i++) {
      world.touch(port(i));
      await world.wait(5);
    }
    assert.equal(world.published.length, 20);
  });

  it('end a wave with a flush of nine, not with one of ten', async () => {
    for (const [count, isOver] of [
      [9, true],
      [10, false],
      [11, false],
    ] as const) {
      const world = await PublisherWorld.open();
      for (let i = 0; i < 4; i++) {
        world.touch(port(i));
        await world.wait(1);
      }
      world.touch(...Array.from({ length: count }, (_, i) => port(100 + i)));
      await world.wait(50);
      world.published.length = 0;
      world.touch(port(1000));
      await world.wait(100);
      assert.deepEqual(world.timesOf(port(1000)), [isOver ? 54 : 94], `${count} keys`);
    }
  });

  it('make others wait 100 ms at most', async () => {
    const world = await PublisherWorld.open();
    let longest = 0;
    for (let i = 0; i < 600; i++) {
      world.touch(port(2 * i), port(2 * i + 1));
      if (i % 50 === 0) world.touch(port(50_000 + i));
      await world.wait(1);
    }
    await world.wait(200);
    for (let i = 0; i < 600; i += 50)
      longest = Math.max(longest, (world.timesOf(port(50_000 + i))[0] ?? 0) - i);
    assert.ok(longest <= 100, `${longest} ms`);
  });
});

describe('a policy that waits at the publisher', () => {
  const policy = policyKey({ namespace: 'shop', name: 'p' });
  const pod: Touched = { kind: 'pod', pod: podKey({ namespace: 'shop', name: 'cart' }) };
  const keys: readonly Touched[] = [
    { kind: 'authorization', policy },
    { kind: 'peers', namespace: 'shop' },
    { kind: 'peers', namespace: 'istio-system' },
    { kind: 'hub', type: 'policy', name: 'p' },
  ];

  for (const key of keys)
    for (const isNamed of [true, false])
      it(`as ${JSON.stringify(key)} ${isNamed ? 'is published with a workload that names it' : 'waits on when no workload is published'}`, async () => {
        const world = await PublisherWorld.open();
        world.touch(key);
        await world.wait(5);
        world.touch(key);
        if (isNamed) world.nameInWorkload(policy);
        world.touch(pod);
        await world.wait(100);
        assert.deepEqual(world.timesOf(key), isNamed ? [0, 5] : [0, 25]);
        assert.deepEqual(world.timesOf(pod), [5]);
      });

  it('is published with the part of what is wide that names it', async () => {
    const world = await PublisherWorld.open();
    const [key] = keys as [Touched];
    world.touch(key);
    await world.wait(5);
    world.touch(key);
    world.snapshot = {
      ...emptySnapshot,
      workloads: byName(aWorkload({ uid: 'w', authorizationPolicies: [policy] })),
    };
    world.parts = [[{ kind: 'resource', type: typeUrls.address, name: 'w' }]];
    world.touch(pod);
    await world.wait(100);
    assert.deepEqual(world.timesOf(key), [0, 5]);
    assert.deepEqual(world.deltas.find(({ bulk }) => bulk.size > 0)?.bulk, new Set(['w']));
  });

  it('waits on when another one is named', async () => {
    const world = await PublisherWorld.open();
    const [key] = keys as [Touched];
    world.touch(key);
    await world.wait(5);
    world.touch(key);
    world.nameInWorkload('shop/other');
    world.touch(pod);
    await world.wait(100);
    assert.deepEqual(world.timesOf(key), [0, 25]);
  });
});

describe('what reaches many at the publisher', () => {
  const address = (name: string): Touched => ({ kind: 'resource', type: typeUrls.address, name });
  const wide: Touched = { kind: 'network' };

  it('is published part by part, a part a turn, as bulk', async () => {
    const world = await PublisherWorld.open();
    world.parts = [[address('a'), address('b')], [address('c')]];
    world.touch(wide);
    world.runTurns();
    assert.equal(world.publisher.isSettled(wide), false);
    await world.clock.advance(0);
    world.runTurns();
    assert.equal(world.publisher.isSettled(wide), true);
    assert.deepEqual(
      world.deltas.slice(-2).map(({ bulk }) => [...bulk]),
      [['a', 'b'], ['c']],
    );
    await world.clock.advance(60_000);
    world.runTurns();
    assert.equal(world.published.length, 3);
  });

  it('comes after what is narrow, in a delta of its own', async () => {
    const world = await PublisherWorld.open();
    world.parts = [[address('a'), address('w')]];
    world.nameInWorkload('shop/p');
    world.touch(port(80));
    world.runTurns();
    assert.deepEqual(
      world.deltas
        .slice(-2)
        .map(({ bulk, changed }) => [[...bulk], [...(changed.get(typeUrls.address) ?? [])]]),
      [
        [[], ['w']],
        [
          ['a', 'w'],
          ['a', 'w'],
        ],
      ],
    );
  });

  it('does not delay another key that is due in the same turn', async () => {
    const world = await PublisherWorld.open();
    world.parts = Array.from({ length: 40 }, (_, i) => [address(`a${i}`)]);
    world.touch(wide);
    world.runTurns();
    world.touch(port(80));
    world.runTurns();
    assert.deepEqual(
      world.published.slice(-2).map(({ keys }) => keys),
      [[port(80)], [address('a1')]],
    );
  });
});
