import assert from 'node:assert/strict';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { createJoinToken } from '../../federation/registry/join-tokens.ts';
import { watchSweep } from '@isthmus/federation/registry/sweep.ts';
import { recordIntermediate } from '../../federation/trust/commands.ts';
import { Federation } from '../fakes/federation.ts';

describe('federation: what has outlived its use', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east');
  });
  afterEach(() => hub.end());

  const anIntermediate = (keyId: string, over: Partial<IntermediateRecord> = {}): IntermediateRecord => ({
    kind: 'intermediate',
    keyId,
    trustDomain: defaultTrustDomain,
    cluster: 'east',
    certificatePem: '',
    notAfter: hub.clock.now() + 30 * day,
    revoked: false,
    activated: true,
    ...over,
  });
  const ended = (id: string, finishedAt: number | undefined): Operation => ({
    kind: 'operation',
    id,
    type: 'DRAIN_CLUSTER',
    state: finishedAt ? 'DONE' : 'RUNNING',
    subject: id,
    clusters: [],
    applied: [],
    startedAt: 0,
    finishedAt,
    message: '',
  });

  it('goes, and the rest stays', async () => {
    const now = hub.clock.now();
    await hub.run(createJoinToken, { cluster: 'late', lifetime: 60_000 });
    await hub.run(createJoinToken, { cluster: 'late', lifetime: 24 * 3_600_000 });
    await hub.put(
      anIntermediate('over', { notAfter: now - 2 * day, revoked: true }),
      anIntermediate('slack', { notAfter: now - day / 2 }),
      anIntermediate('good'),
      ended('old', now - 31 * day),
      ended('runs', undefined),
    );
    await hub.put(...Array.from({ length: 1500 }, (_, i) => ended(`o${i}`, now - i)));
    await hub.clock.advance(120_000);
    watchSweep({ live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog }, hub.stop.signal);
    await hub.pass(1000);
    const { joinTokens, intermediates, operations } = hub.now.intent;
    assert.equal(joinTokens.size, 1);
    assert.deepEqual([...intermediates.keys()], ['slack', 'good']);
    assert.ok(
      operations.has('runs') && operations.has('o0') && !operations.has('o1200') && !operations.has('old'),
    );
    assert.equal(operations.size, 1001);
  });

  it('an intermediate that was never activated makes room for the next, and a known key is not signed again', async () => {
    await hub.run(recordIntermediate, anIntermediate('used'));
    await hub.put(anIntermediate('gone', { revoked: true, activated: false }));
    for (const keyId of ['k1', 'k2', 'k3'])
      await hub.run(recordIntermediate, anIntermediate(keyId, { activated: false }));
    assert.deepEqual([...hub.now.intent.intermediates.keys()], ['used', 'gone', 'k3']);
    const again = await hub.run(recordIntermediate, anIntermediate('gone', { activated: false }));
    assert.ok(!again.ok && again.errors[0]?.code === 'BAD_CSR');
    assert.equal(hub.now.intent.intermediates.get('gone')?.value.revoked, true);
  });
});
