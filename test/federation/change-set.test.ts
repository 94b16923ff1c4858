import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ChangeSet } from '@isthmus/federation/observation/change-set.ts';
import { intentKinds, storedOf } from '../../federation/state/intent.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import type { Now } from '../../federation/state/now.ts';
import { federationChange, someClusters } from '../fakes/federation-changes.ts';
import { Federation, frozen } from '../fakes/federation.ts';

const keysOf = <K extends string>(
  ...maps: readonly (ReadonlyMap<K, unknown> | undefined)[]
): ReadonlySet<K> => new Set(maps.flatMap((map) => [...(map?.keys() ?? [])]));

type Has = (changes: ChangeSet) => boolean | undefined;

/** Every name that differs between two moments and that no change set between them has. */
const missed = (before: Now, after: Now, sets: readonly ChangeSet[]): string[] => [
  ...missedIntent(before, after, sets),
  ...someClusters.flatMap((name) =>
    named(name, before.observed.get(name), after.observed.get(name))
      .filter(({ one, other, has }) => !isEqual(one, other) && !sets.some((changes) => has(changes) === true))
      .map(({ what }) => `${what} of ${name}`),
  ),
];

/** Each part of what is observed of a cluster, at two moments, and which change set has it. */
function named(name: string, old: ClusterRecord | undefined, now: ClusterRecord | undefined) {
  const parts: { what: string; one: unknown; other: unknown; has: Has }[] = [];
  const part = (what: string, of: (record: ClusterRecord | undefined) => unknown, has: Has) =>
    parts.push({ what, one: of(old), other: of(now), has });
  for (const key of keysOf(old?.services, now?.services, old?.health, now?.health)) {
    const has: Has = ({ services }) => services.get(name)?.has(key);
    part(`service ${key}`, (record) => record?.services.get(key), has);
    part(`counts ${key}`, (record) => record?.health.get(key), has);
  }
  for (const subject of keysOf(old?.applied, now?.applied))
    part(
      subject,
      (record) => record?.applied.get(subject),
      ({ applied }) => applied.get(subject)?.has(name),
    );
  part(
    'gateways',
    (record) => record?.gateways,
    ({ gateways }) => gateways.has(name),
  );
  part(
    'link',
    (record) => [record?.link, record?.synced],
    ({ links }) => links.has(name),
  );
  part(
    'report',
    (record) => record?.nodes,
    ({ reports }) => reports.has(name),
  );
  part(
    'rejected',
    (record) => record?.rejectedReports,
    ({ shown }) => shown.has(name),
  );
  part(
    'presence',
    (record) => record !== undefined,
    ({ forgotten, links }) => forgotten.has(name) || links.has(name),
  );
  return parts;
}

const missedIntent = (before: Now, after: Now, sets: readonly ChangeSet[]) =>
  intentKinds.flatMap((kind) =>
    ['east', 'west', 'south', 'north', 'p1', 'p2', 'f1', 'f2', 'k1', 'k2', 'shop/cart', 'shop/mail'].filter(
      (id) =>
        storedOf(before.intent, kind, id) !== storedOf(after.intent, kind, id) &&
        !sets.some(({ intent }) => intent.get(kind)?.has(id)),
    ),
  );

const isEqual = (one: unknown, other: unknown): boolean => {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
};

describe('federation/state: change sets', () => {
  let hub: Federation;
  afterEach(() => hub.end());

  it('name everything that differs between two moments', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(federationChange, { maxLength: 4 }), { maxLength: 4 }),
        async (turns) => {
          hub = await Federation.start(...someClusters);
          await hub.turn();
          const before = frozen(hub.now);
          const sets: ChangeSet[] = [];
          hub.live.onChange((changes) => sets.push(changes));
          for (const turn of turns) {
            for (const { make } of turn) await make(hub);
            await hub.turn();
          }
          assert.deepEqual(missed(before, hub.now, sets), []);
          hub.end();
        },
      ),
      { numRuns: 60 },
    ));

  it('give what an object was before the first of several writes of one turn', async () => {
    hub = await Federation.start('east');
    await hub.turn();
    const before = hub.now.intent.clusters.get('east');
    const seen = new Promise<ChangeSet>((resolve) => hub.live.onChange(resolve));
    await hub.remove('cluster', 'east');
    await hub.remove('cluster', 'east');
    assert.equal((await seen).intent.get('cluster')?.get('east'), before);
  });

  it('are not made for a heartbeat with nothing new', async () => {
    hub = await Federation.start('east');
    hub.report('east', { services: { cart: 2 } });
    await hub.turn();
    let calls = 0;
    hub.live.onChange(() => calls++);
    await hub.clock.advance(5000);
    hub.heartbeat('east');
    await hub.turn();
    assert.equal(calls, 0);
    assert.equal(hub.now.observed.get('east')?.asOf, hub.clock.now());
  });

  it('reach the listeners after the caller of the commit has continued', async () => {
    hub = await Federation.start('east');
    await hub.turn();
    const order: string[] = [];
    hub.live.onChange(() => order.push('listeners'));
    await hub.remove('cluster', 'east');
    order.push('reached');
    await hub.turn();
    assert.deepEqual(order, ['reached', 'listeners']);
  });
});
