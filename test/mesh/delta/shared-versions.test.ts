import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import { DeltaWorld, policyType, workloadType } from './delta-world.ts';

const types = [policyType, workloadType];

/** A producer that keeps of its consumer only what differs from what there is. */
class SharedWorld extends DeltaWorld {
  readonly shared = new Map<string, SharedVersions>();

  constructor(hold: (name: string) => boolean) {
    super({
      hold: (_type, name) => hold(name),
      known: (type, held) => {
        const versions = new SharedVersions(this.#view(type), held);
        this.shared.set(type, versions);
        return versions;
      },
    });
  }

  override set(type: string, name: string, version: string | undefined): void {
    const before = this.state.get(type)!.get(name);
    if (version === undefined) this.state.get(type)!.delete(name);
    else this.state.get(type)!.set(name, version);
    this.shared.get(type)?.keep(name, before);
    this.server.changed(type, [name]);
  }

  #view(type: string) {
    const all = this.state.get(type)!;
    const produced = (name: string): Produced | undefined => {
      const version = all.get(name);
      return version === undefined ? undefined : { version, body: new Uint8Array() };
    };
    return { get: produced, keys: () => all.keys() };
  }
}

type Step =
  | { readonly set: number; readonly name: number; readonly version: number }
  | { readonly do: 'toServer' | 'toClient' | 'pull' | 'reconnect' | 'hold' | 'release' | 'retry' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ set: fc.nat(1), name: fc.nat(4), version: fc.nat(3) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('toServer' as const, 'toClient' as const, 'pull' as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('reconnect' as const, 'hold' as const, 'release' as const, 'retry' as const),
    }),
  },
);

/** What a world has said by now, without the order of names within one response. */
const said = (world: DeltaWorld) =>
  world.sent.map(({ type, resources, removed, complete }) => ({
    type,
    resources: resources.map(({ name, version }) => `${name} ${version}`).sort(),
    removed: [...removed].sort(),
    complete,
  }));

describe('versions that are kept as the difference from what there is', () => {
  it('say in any order of changes, answers, refusals, holds and reconnects what a map of all says', () =>
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 150, size: 'max' }),
        fc.uniqueArray(fc.nat(3)),
        (steps, bad) => {
          let isHeld = false;
          const hold = (name: string) => isHeld && name === 'n1';
          const worlds = [new DeltaWorld({ hold: (_type, name) => hold(name) }), new SharedWorld(hold)];
          for (const world of worlds) for (const version of bad) world.bad.add(String(version));
          for (const one of steps) {
            if ('do' in one && one.do === 'hold') isHeld = true;
            if ('do' in one && one.do === 'release') isHeld = false;
            for (const world of worlds) apply(world, one);
            assert.deepEqual(said(worlds[1]!), said(worlds[0]!));
          }
          isHeld = false;
          for (const world of worlds) {
            apply(world, { do: 'release' });
            world.settle();
          }
          assert.deepEqual(said(worlds[1]!), said(worlds[0]!));
          assert.deepEqual(worlds[1]!.held, worlds[0]!.held);
          for (const type of types)
            for (let i = 0; i < 5; i++)
              assert.deepEqual(
                worlds[1]!.server.acknowledged(type, `n${i}`),
                worlds[0]!.server.acknowledged(type, `n${i}`),
              );
        },
      ),
      { numRuns: 500 },
    ));

  it('take no room for what is up to date', () => {
    const world = new SharedWorld(() => false);
    for (let i = 0; i < 100; i++) world.set(policyType, `n${i}`, '1');
    world.settle();
    assert.equal(world.shared.get(policyType)!.size, 0);
    world.set(policyType, 'n7', '2');
    assert.equal(world.shared.get(policyType)!.size, 1);
    world.set(policyType, 'n7', '1');
    assert.equal(world.shared.get(policyType)!.size, 0);
    world.set(policyType, 'n7', undefined);
    assert.equal(world.shared.get(policyType)!.size, 1);
    world.settle();
    assert.equal(world.shared.get(policyType)!.size, 0);
  });
});

function apply(world: DeltaWorld, one: Step): void {
  if ('set' in one)
    return world.set(types[one.set]!, `n${one.name}`, one.version === 0 ? undefined : String(one.version));
  switch (one.do) {
    case 'toServer':
      return world.deliverToServer();
    case 'toClient':
      return world.deliverToClient();
    case 'pull':
      return void world.pull();
    case 'reconnect':
      return world.connect();
    case 'retry':
      return void world.server.retryRejected();
    case 'hold':
      return;
    case 'release':
      return types.forEach((type) => world.server.changed(type, ['n1']));
  }
}
