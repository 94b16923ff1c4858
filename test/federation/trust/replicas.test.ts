import assert from 'node:assert/strict';
import { withReplica, withoutReplica } from '../../../federation/observation/record-steps.ts';
import { hasAcknowledged } from '../../../federation/trust/activation.ts';
import { PendingIntermediates } from '../../../federation/trust/pending.ts';
import { anIntermediate } from '../../fakes/federation-changes.ts';
import { Federation } from '../../fakes/federation.ts';
import { aFollower, aReplica } from '../../fakes/replica.ts';

const subject = 'intermediate/k1';
const applied = { subject, version: 'v1', state: 'APPLIED', message: '', proxies: 1 } as const;

describe('federation/trust: an intermediate and the replicas of agents', () => {
  let hub: Federation;
  let pending: PendingIntermediates;
  const found: (readonly string[])[] = [];
  /** What the follower of east holds. */
  const held = new Map<string, string>();

  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    for (const name of ['east', 'west']) hub.report(name, {});
    await hub.put(anIntermediate('k1', { cluster: 'east', revoked: false, activated: false }));
    await hub.turn();
    pending = new PendingIntermediates(hub.now);
    found.length = 0;
    held.clear();
    hub.live.onChange((changes, now) => found.push([...pending.follow(changes, now)]));
  });
  afterEach(() => hub.end());

  const follows = (isThere: boolean) =>
    hub.observations.update('east', (record) =>
      isThere
        ? withReplica(record, aFollower('agent-b', held))
        : withoutReplica(record, 'agent-b', hub.clock.now()),
    );
  const isReady = () => pending.isReady('k1', hub.now, hub.clock.now());
  const all = () => {
    for (const cluster of ['east', 'west']) hub.acknowledge(cluster, applied);
  };

  it('waits for each of them, and is looked at again when one has taken it', async () => {
    follows(true);
    all();
    await hub.turn();
    assert.deepEqual([hasAcknowledged('east', 'k1', hub.now), isReady()], [false, false]);
    held.set(subject, 'another version');
    hub.observations.acknowledged('east', [subject]);
    await hub.turn();
    assert.equal(isReady(), false);
    held.set(subject, 'v1');
    hub.observations.acknowledged('east', [subject]);
    await hub.turn();
    assert.deepEqual([found.at(-1), isReady()], [['k1'], true]);
  });

  it('waits for one that comes before it signs, and not for one that has gone', async () => {
    all();
    await hub.turn();
    assert.equal(isReady(), true);
    follows(true);
    await hub.turn();
    assert.equal(isReady(), false);
    follows(false);
    await hub.turn();
    assert.equal(isReady(), true);
  });

  it('an acknowledgement of a replica is a change of that subject and cluster alone, and of no other', async () => {
    follows(true);
    await hub.turn();
    const seen: string[] = [];
    hub.live.onChange(({ applied: subjects, links, shown }) => {
      for (const [name, clusters] of subjects) seen.push(`${name} ${[...clusters].join()}`);
      assert.deepEqual([links.size, shown.size], [0, 0]);
    });
    hub.observations.acknowledged('east', [subject]);
    await hub.turn();
    assert.deepEqual(seen, [`${subject} east`]);
    hub.observations.acknowledged('unknown', [subject]);
    await hub.turn();
    assert.equal(seen.length, 1);
  });

  it('keeps nothing of a cluster whose replicas have gone', async () => {
    const before = pending.size;
    hub.observations.update('east', (record) => withReplica(record, aReplica({ id: 'agent-a' })));
    follows(true);
    await hub.turn();
    follows(false);
    await hub.turn();
    assert.equal(pending.size, before);
  });
});
