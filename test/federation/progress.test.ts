import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { versionOf } from '../../federation/compile/version-of.ts';
import { advanced } from '../../federation/failover/operation.ts';
import { Progress } from '../../federation/failover/progress.ts';
import { readyToActivate } from '../../federation/trust/activation.ts';
import { PendingIntermediates } from '../../federation/trust/pending.ts';
import { federationChange, someClusters, type FederationChange } from '../fakes/federation-changes.ts';
import { Federation } from '../fakes/federation.ts';

const cluster = fc.constantFrom(...someClusters);

const operation: fc.Arbitrary<FederationChange> = fc
  .record({
    id: fc.constantFrom('o1', 'o2'),
    about: fc.constantFrom(
      ['DRAIN_CLUSTER', 'drain:east'] as const,
      ['UNDRAIN_CLUSTER', 'drain:east'] as const,
      ['EXECUTE_FAILOVER', 'failover:f1'] as const,
      ['UNDO_FAILOVER', 'failover:f1'] as const,
      ['REVOKE_CLUSTER', 'west'] as const,
    ),
    state: fc.constantFrom<Operation['state']>('RUNNING', 'RUNNING', 'DONE'),
    applied: fc.subarray([...someClusters]),
  })
  .map(({ id, about: [type, subject], state, applied }) => ({
    what: `operation ${type}`,
    make: (hub) =>
      hub.put({
        kind: 'operation',
        id,
        type,
        state,
        subject,
        clusters: [...someClusters],
        applied: applied.map((name) => ({ cluster: name, at: 1 })),
        startedAt: 1,
        finishedAt: undefined,
        message: '',
      }),
  }));

/** A cluster acknowledges what there is now. */
const acknowledgement: fc.Arbitrary<FederationChange> = fc
  .record({
    cluster,
    what: fc.constantFrom(
      ['diversion', 'drain:east'] as const,
      ['diversion', 'failover:f1:east'] as const,
      ['diversion', 'failover:f1:west'] as const,
      ['intermediate', 'k1'] as const,
      ['intermediate', 'k2'] as const,
    ),
  })
  .map(({ cluster: by, what: [type, name] }) => ({
    what: `${by} acknowledges ${type} ${name}`,
    make: (hub) => {
      const version = versionOf(hub.now, type, name) ?? '';
      const subject = `${type}/${name}`;
      hub.acknowledge(by, { subject, version, state: 'APPLIED', message: '', proxies: 1 });
    },
  }));

const turns = fc.array(
  fc.array(
    fc.oneof(
      federationChange,
      { arbitrary: operation, weight: 1 },
      { arbitrary: acknowledgement, weight: 3 },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  { maxLength: 12 },
);

/** Runs `check` after each turn of changes; `begin` gives what it needs and is called before the first. */
const property = <T>(begin: (hub: Federation) => T, check: (hub: Federation, state: T) => void) =>
  fc.assert(
    fc.asyncProperty(turns, async (all) => {
      const hub = await Federation.start(...someClusters);
      await hub.turn();
      const state = begin(hub);
      for (const turn of all) {
        for (const { make } of turn) await make(hub);
        await hub.turn();
        check(hub, state);
      }
      hub.end();
    }),
    { numRuns: 200 },
  );

describe('federation: what waits for acknowledgements', () => {
  it('operations: those that are further are named by the change that brings them further, or are named already', () =>
    property(
      (hub) => {
        const progress = new Progress(hub.now);
        const due = new Set<string>();
        hub.live.onChange((changes, now) => progress.follow(changes, now).forEach((id) => due.add(id)));
        return due;
      },
      (hub, due) => {
        for (const { id, value } of hub.now.intent.operations.values())
          if (advanced(value, hub.now, 1) !== value) assert.ok(due.has(id), `${id} is further`);
      },
    ));

  it('intermediates: those that are ready are named by the change that makes them ready, and no other is ready', () =>
    property(
      (hub) => {
        const pending = new PendingIntermediates(hub.now);
        const named = new Set<string>();
        hub.live.onChange((changes, now) => pending.follow(changes, now).forEach((id) => named.add(id)));
        return { pending, named };
      },
      (hub, { pending, named }) => {
        const at = hub.clock.now();
        for (const { id, value } of hub.now.intent.intermediates.values()) {
          const isReady = readyToActivate(value, hub.now, at);
          assert.equal(pending.isReady(id, hub.now, at), isReady, id);
          if (isReady) assert.ok(named.has(id), `${id} is ready`);
        }
      },
    ));

  it('keep nothing of what has ended', async () => {
    const hub = await Federation.start('east', 'west');
    const progress = new Progress(hub.now);
    const pending = new PendingIntermediates(hub.now);
    hub.live.onChange((changes, now) => {
      progress.follow(changes, now);
      pending.follow(changes, now);
    });
    const { make } = fc.sample(
      operation.filter(({ what }) => what.includes('DRAIN')),
      { numRuns: 1, seed: 1 },
    )[0]!;
    await make(hub);
    await hub.turn();
    for (const id of ['o1', 'o2']) await hub.remove('operation', id);
    await hub.turn();
    assert.deepEqual([progress.size, pending.size], [0, 0]);
    hub.end();
  });
});
