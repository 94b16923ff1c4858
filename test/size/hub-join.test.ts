import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from '../../federation/registry/join-tokens.ts';
import { clusterUntil } from '../../federation/insights/clusters.ts';
import type { Now } from '../../federation/state/now.ts';
import { aToken } from '../fakes/federation-changes.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { CountedReads } from './counted-reads.ts';

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Fields of join tokens that are read by something, in a hub that has one for each cluster. */
async function readsOf(clusters: number, run: (now: Now) => void): Promise<number> {
  const hub = await Federation.start();
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  await hub.put(
    ...names.map((name) => aMember(name, { admission: 'PENDING' })),
    ...names.map((name) => aToken(`t-${name}`, { cluster: name, secretHash: hashOf(name) })),
  );
  const counted = new CountedReads();
  const { intent } = hub.now;
  const joinTokens = new Map(
    [...intent.joinTokens].map(([id, stored]) => [id, { ...stored, value: counted.of(stored.value) }]),
  );
  const reads = counted.during(() => run({ ...hub.now, intent: { ...intent, joinTokens } }));
  hub.end();
  return reads;
}

describe('the size of what is looked at of join tokens', () => {
  const cases: Readonly<Record<string, (now: Now) => void>> = {
    'by an agent that joins': (now) => {
      const context = {
        now: 1,
        actor: 'agent/c7',
        newId: () => 'm1',
        newSecret: () => '',
        reason: '',
        expectedRevision: undefined,
      };
      assert.ok(join.decide(now, { cluster: 'c7', secret: 'c7', key: 'k' }, context).ok);
    },
    'by the finding of a cluster that has not joined': (now) =>
      assert.equal(clusterUntil(now, 'c7', 1), Date.UTC(2026, 1, 1)),
  };
  for (const [what, run] of Object.entries(cases))
    it(`${what} does not depend on how many there are`, async () =>
      assert.equal(await readsOf(40, run), await readsOf(20, run)));
});
