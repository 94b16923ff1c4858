import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Urgency } from '@isthmus/mesh/delta/sent-type.ts';
import { DeltaWorld, policyType, workloadType } from './delta-world.ts';

type Move = 'toServer' | 'toClient' | 'pull' | 'reconnect' | 'all-changed';

type Step =
  | {
      readonly do: 'policy' | 'workload';
      readonly name: number;
      readonly version: number;
      readonly uses: readonly number[];
      readonly urgency: Urgency;
    }
  | { readonly do: Move };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('policy' as const, 'workload' as const),
      name: fc.nat(4),
      version: fc.nat(3),
      uses: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
      urgency: fc.constantFrom('urgent' as const, 'bulk' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('toServer' as const, 'toClient' as const, 'pull' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('reconnect' as const, 'all-changed' as const),
    }),
  },
);

/** Keeps the producer's state consistent: a workload names only policies that are there. */
function change(
  world: DeltaWorld,
  { do: kind, name, version, uses, urgency }: Extract<Step, { name: number }>,
): void {
  const policies = world.state.get(policyType)!;
  const workloads = world.state.get(workloadType)!;
  if (kind === 'workload') {
    const named = uses.map((use) => `p${use}`).filter((policy) => policies.has(policy));
    const text = version === 0 ? undefined : `${version}|${named.join(',')}`;
    world.set(workloadType, `w${name}`, text, urgency);
    return;
  }
  world.set(policyType, `p${name}`, version === 0 ? undefined : `${version}`, urgency);
  if (version === 0)
    for (const [workload, text] of workloads)
      if (text.split('|')[1]?.split(',').includes(`p${name}`))
        world.set(workloadType, workload, `${text.split('|')[0]}|`, urgency);
}

const moves: Record<Move, (world: DeltaWorld) => void> = {
  toServer: (world) => world.deliverToServer(),
  toClient: (world) => world.deliverToClient(),
  pull: (world) => world.pull(),
  reconnect: (world) => world.connect(),
  'all-changed': ({ server }) => [policyType, workloadType].forEach((type) => server.changed(type)),
};

function run(world: DeltaWorld, steps: readonly Step[]): void {
  for (const one of steps)
    if ('name' in one) change(world, one);
    else moves[one.do](world);
}

describe('delta sessions, whatever happens', () => {
  const steps = fc.array(step, { maxLength: 200, size: 'max' });

  it('converge, and never show a workload before its policy', () => {
    fc.assert(
      fc.property(
        steps,
        fc.constantFrom(60, 3_000_000),
        fc.constantFrom(30, 60),
        (all, maxBytes, bulkBytes) => {
          const world = new DeltaWorld({ maxBytes, bulkBytes, firstBytes: bulkBytes });
          run(world, all);
          world.settle();
          assert.deepEqual(world.violations, []);
          for (const type of [policyType, workloadType]) {
            assert.deepEqual(
              new Map([...world.held.get(type)!].sort()),
              new Map([...world.state.get(type)!].sort()),
            );
            assert.ok(world.client.ready(type));
            for (const [name, version] of world.state.get(type)!)
              assert.equal(world.server.acknowledged(type, name), version);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('with refusals, hold the last version that was not refused', () => {
    fc.assert(
      fc.property(steps, fc.uniqueArray(fc.nat(3)), (all, bad) => {
        const world = new DeltaWorld();
        for (const version of bad) world.bad.add(String(version)).add(`${version}|`);
        run(world, all);
        world.settle();
        for (const type of [policyType, workloadType]) {
          for (const [name, version] of world.state.get(type)!) {
            const said = world.server.acknowledged(type, name);
            if (world.bad.has(version)) assert.deepEqual(typeof said === 'object' && said.version, version);
            else assert.deepEqual([world.held.get(type)!.get(name), said], [version, version]);
          }
          for (const name of world.held.get(type)!.keys()) assert.ok(world.state.get(type)!.has(name));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('know what is outstanding without comparing everything', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const world = new DeltaWorld({ bulkBytes: 30 });
        world.bad.add('2').add('2|');
        run(world, all);
        while (world.toServer.length > 0) world.deliverToServer();
        for (const type of [policyType, workloadType]) {
          const names = [0, 1, 2, 3, 4].map((i) => `${type === policyType ? 'p' : 'w'}${i}`);
          const differing = names.filter(
            (name) => world.server.acknowledged(type, name) !== world.state.get(type)!.get(name),
          );
          assert.deepEqual([...world.server.outstanding(type)].sort(), differing);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('send nothing twice on one stream unless it changed in between', () => {
    fc.assert(
      fc.property(
        fc.array(
          step.filter((one) => one.do !== 'reconnect'),
          { maxLength: 200, size: 'max' },
        ),
        (all) => {
          const world = new DeltaWorld();
          run(world, all);
          world.settle();
          const last = new Map<string, string>();
          for (const { type, resources, removed } of world.sent) {
            for (const { name, version } of resources) {
              assert.notEqual(last.get(`${type}/${name}`), version, `${name} again`);
              last.set(`${type}/${name}`, version);
            }
            for (const name of removed)
              assert.ok(last.delete(`${type}/${name}`), `${name} removed, never sent`);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
