import { aNamespace, aPod, aPolicy, WritesWorld } from '../cluster-agent/status/writes-world.ts';
import { assertScales, type Work } from './doubled.ts';

const allow = { rules: [{}] };

/** Calls to the API server: at first, and after a change of one policy. */
async function calls(size: number): Promise<Work> {
  const world = new WritesWorld();
  world.put('Namespace', aNamespace('shop'));
  for (let i = 0; i < size; i++) {
    world.put('Pod', aPod(`p${i}`));
    const selector = { matchLabels: { app: `p${i}` } };
    world.put('AuthorizationPolicy', aPolicy(`p${i}`, { ...allow, selector }));
  }
  world.open();
  await world.clock.advance(60_000);
  const firstSync = world.api.calls.length;
  world.put('AuthorizationPolicy', aPolicy('p7', { ...allow, action: 'DENY' }, 'shop', 2));
  await world.clock.advance(60_000);
  return { firstSync, change: world.api.calls.length - firstSync };
}

describe('the size of what an agent writes into its cluster', () => {
  it('is twice as much for twice the policies at first, and as much after a change of one', async () => {
    const sizes = [100, 200];
    const found = new Map<number, Work>();
    for (const size of sizes) found.set(size, await calls(size));
    assertScales((size) => found.get(size) ?? { firstSync: 0, change: 0 }, 100);
  });
});
