import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MarkSums, digestBytes, markOf, readDigest, writeDigest } from '@isthmus/mesh/delta/digest.ts';
import type { ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import type { Producer } from '@isthmus/mesh/delta/server-session.ts';
import { DeltaWorld, policyType, workloadType } from './delta-world.ts';

/** Names `a/1` and `a/2` are in one group. */
const groupOf = (_type: string, name: string): string => name.split('/')[0] ?? '';

/** A world whose streams are opened by digests, or by lists. */
class World extends DeltaWorld {
  readonly #byDigests: boolean;

  constructor(byDigests: boolean, options: Partial<Producer> = {}) {
    super({ groupOf, ...options });
    this.#byDigests = byDigests;
    if (byDigests) this.connect();
  }

  override connect(): void {
    super.connect();
    // The first time it is called while there is no such field yet.
    if (#byDigests in this && this.#byDigests) this.toServer = [...this.client.openByDigests(groupOf)];
  }
}

const names = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1'];
const step = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    type: fc.constantFrom(policyType, workloadType),
    name: fc.constantFrom(...names),
    version: fc.constantFrom('1|', '2|', '3|', undefined),
  }),
  fc.record({ kind: fc.constant('bad' as const), version: fc.constantFrom('1|', '2|', '3|') }),
  fc.record({ kind: fc.constant('good' as const), version: fc.constantFrom('1|', '2|', '3|') }),
  fc
    .constantFrom(
      ...(['toServer', 'pull', 'toClient', 'reconnect', 'settle', 'incomplete', 'complete'] as const),
    )
    .map((kind) => ({ kind })),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** While the consumer is away too: what changes then is seen at the next stream. */
function take(world: World, one: Step): void {
  switch (one.kind) {
    case 'set':
      return world.set(one.type, one.name, one.version);
    case 'bad':
      world.bad.add(one.version);
      return;
    case 'good':
      world.bad.delete(one.version);
      return;
    case 'toServer':
      return world.deliverToServer();
    case 'pull':
      world.pull();
      return;
    case 'toClient':
      return world.deliverToClient();
    case 'reconnect':
      return world.connect();
    case 'settle':
      return world.settle();
    case 'incomplete':
      world.complete = false;
      return;
    case 'complete':
      world.complete = true;
      return;
  }
}

const shown = (world: World) =>
  [policyType, workloadType].map((type) => [
    [...(world.held.get(type) ?? [])].sort(),
    [...world.client.held(type)].sort(),
    [...world.server.rejected(type).keys()].sort(),
  ]);

describe('digests of what is held', () => {
  it('bring both ends to what lists bring them to, after any history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const worlds = [new World(true), new World(false)] as const;
        for (const world of worlds) {
          for (const one of steps) take(world, one);
          world.complete = true;
          world.connect();
          world.settle();
        }
        assert.deepEqual(shown(worlds[0]), shown(worlds[1]));
      }),
      { numRuns: 500 },
    );
  });

  const settled = () => {
    const world = new World(true);
    for (const name of names) world.set(policyType, name, '1|');
    world.settle();
    world.sent = [];
    return world;
  };

  it('that are equal are answered by nothing but that everything is there', () => {
    const world = settled();
    world.connect();
    assert.ok(world.toServer.every(({ initialVersions }) => initialVersions.size === 0));
    world.settle();
    assert.deepEqual(
      world.sent.map(({ type, resources, complete, groupsToList }) => [
        type,
        resources.length,
        complete,
        groupsToList,
      ]),
      [
        [policyType, 0, true, undefined],
        [workloadType, 0, true, undefined],
      ],
    );
  });

  it('that differ cost the list of their group, and what differs in it', () => {
    const world = settled();
    world.set(policyType, 'b/2', '2|');
    world.connect();
    world.deliverToServer();
    world.deliverToServer();
    assert.deepEqual(world.pull()?.groupsToList, ['b']);
    assert.equal(world.pull(), undefined, 'nothing is sent before it is listed');
    world.deliverToClient();
    assert.deepEqual([...(world.toServer[0]?.initialVersions.keys() ?? [])], ['b/1', 'b/2']);
    world.settle();
    assert.deepEqual(
      world.sent.flatMap(({ resources }) => resources.map(({ name }) => name)),
      ['b/2'],
    );
    assert.ok(world.client.allComplete);
  });

  it('of a group that the consumer lacks send it, and of one that is gone take it away', () => {
    const world = settled();
    world.set(policyType, 'c/1', undefined);
    world.set(policyType, 'd/1', '1|');
    world.connect();
    world.settle();
    assert.deepEqual(
      world.sent.map(({ groupsToList, resources, removed }) => [
        groupsToList,
        resources.map(({ name }) => name),
        removed,
      ]),
      [
        [['c'], [], []],
        [undefined, ['d/1'], []],
        [undefined, [], []],
        [undefined, [], ['c/1']],
      ],
    );
  });

  it('follow what changes between the question for a list and the list', () => {
    const world = settled();
    world.set(policyType, 'b/2', '2|');
    world.connect();
    world.deliverToServer();
    world.deliverToServer();
    world.pull();
    world.set(policyType, 'a/1', '9|');
    world.set(policyType, 'b/1', undefined);
    world.settle();
    assert.deepEqual([...world.held.get(policyType)!].sort(), [...world.state.get(policyType)!].sort());
  });

  it('leave what is held back as it is, when it differs', () => {
    const held = new Set(['b/1', 'b/2']);
    const world = new World(true, { hold: (_type, name) => held.has(name) });
    for (const name of names) world.set(policyType, name, '1|');
    world.settle();
    world.set(policyType, 'b/1', '2|');
    world.set(policyType, 'b/2', undefined);
    world.connect();
    world.settle();
    assert.deepEqual(
      [world.held.get(policyType)!.get('b/1'), world.held.get(policyType)!.has('b/2')],
      ['1|', true],
    );
    held.clear();
    world.server.changed(policyType, ['b/1', 'b/2']);
    world.settle();
    assert.deepEqual(
      [world.held.get(policyType)!.get('b/1'), world.held.get(policyType)!.has('b/2')],
      ['2|', false],
    );
  });

  it('that are equal look at no name where the producer keeps sums', () => {
    let looks = 0;
    const sums = new MarkSums<string>();
    for (const name of names) sums.add(groupOf('', name), markOf(name, '1|'));
    const counted = (type: string): ProducedResources => {
      const { resources } = DeltaWorld.prototype.lookup.call(world, type);
      const look = () => {
        looks++;
      };
      return {
        get(name: string) {
          look();
          return resources.get(name);
        },
        *keys() {
          for (const name of resources.keys()) {
            look();
            yield name;
          }
        },
      };
    };
    const world: World = new World(true, {
      known: (type, held) => new SharedVersions(counted(type), held),
      digests: (type) => new Map(type === policyType ? sums : []),
      lookup: (type) => ({
        systemVersion: { epoch: 1n, revision: 0n },
        complete: true,
        resources: counted(type),
      }),
    });
    for (const name of names) world.set(policyType, name, '1|');
    world.settle();
    looks = 0;
    world.connect();
    world.settle();
    assert.equal(looks, 0);
    assert.ok(world.client.allComplete);
  });
});

describe('sums of marks', () => {
  it('do not depend on the order of what came and went, and travel whole', () => {
    const mark = fc.tuple(fc.constantFrom('a', 'b'), fc.string(), fc.string());
    fc.assert(
      fc.property(fc.array(mark), fc.array(mark), (stays, goes) => {
        const one = new MarkSums<string>();
        for (const [key, name, version] of [...goes, ...stays]) one.add(key, markOf(name, version));
        for (const [key, name, version] of goes) one.subtract(key, markOf(name, version));
        const other = new MarkSums<string>();
        for (const [key, name, version] of stays.toReversed()) other.add(key, markOf(name, version));
        assert.deepEqual(new Map(one), new Map(other));
        for (const [, digest] of one) assert.equal(readDigest(writeDigest(digest)), digest);
      }),
    );
  });

  for (const bytes of [digestBytes - 1, digestBytes + 1])
    it(`are not read of ${bytes} bytes`, () => assert.equal(readDigest(new Uint8Array(bytes)), undefined));

  it('tell a name and its version apart', () => {
    assert.notEqual(markOf('a', 'bc'), markOf('ab', 'c'));
    assert.notEqual(markOf('a', ''), markOf('a', '1'));
  });
});
