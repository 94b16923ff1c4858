import assert from 'node:assert/strict';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { CommandRunner } from '../../federation/command/run.ts';
import { watchExpiry } from '../../federation/failover/expiry.ts';
import { Live } from '../../federation/state/live.ts';
import { memoryStore } from '../../federation/store/memory.ts';
import { FakeClock } from '../fakes/clock.ts';
import { seededRandom } from '../fakes/random.ts';

const settings = {
  hubId: 'test',
  trustDomain: 'cluster.local',
  linkCaHash: '',
  joinEndpoints: [],
  linkEndpoints: [],
  exportByLabel: true,
};

describe('federation/failover expiry', () => {
  it('takes a failover back when its time is over, and says why in the audit', async () => {
    const clock = new FakeClock();
    const [store, stop, random] = [memoryStore(), new AbortController(), seededRandom(1)];
    const live = await Live.start(store, settings, 1, silentLog, stop.signal);
    const runner = new CommandRunner({ store, live, clock, random });
    const failover: Failover = {
      kind: 'failover',
      id: 'f1',
      from: { cluster: 'east' },
      services: [],
      percent: 100,
      scope: 'ALL',
      owner: 'admin',
      reason: '',
      createdAt: clock.now(),
      expiresAt: clock.now() + 5000,
    };
    const audit = {
      id: 'a',
      at: 1,
      actor: 'admin',
      action: 'test',
      subject: 'f1',
      reason: '',
      outcome: '{}',
      idempotencyKey: '',
    };
    await store.commit({ writes: [{ put: failover, id: 'f1', expected: 0 }], audit, fence: 1 });
    await live.reached(1);
    watchExpiry({ live, runner, clock, log: silentLog }, stop.signal);
    await clock.advance(4000);
    assert.equal(live.current.intent.failovers.size, 1);
    await clock.advance(3000);
    await live.reached(2);
    assert.equal(live.current.intent.failovers.size, 0);
    const [last] = await store.audit(1, undefined);
    assert.deepEqual([last?.action, last?.actor, last?.reason], ['undoFailover', 'hub', 'its time is over']);
    stop.abort();
  });
});
