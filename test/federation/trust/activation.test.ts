import assert from 'node:assert/strict';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { withReplica } from '../../../federation/observation/record-steps.ts';
import { watchActivation } from '../../../federation/trust/watch-activation.ts';
import { anIntermediate } from '../../fakes/federation-changes.ts';
import { Federation } from '../../fakes/federation.ts';
import { aReplica } from '../../fakes/replica.ts';

const day = 24 * 60 * 60_000;

describe('federation/trust: activation that is due by time alone', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    for (const name of ['east', 'west']) hub.report(name, {});
    watchActivation(
      { live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog },
      hub.stop.signal,
    );
  });
  afterEach(() => hub.end());

  const held = { version: '1', state: 'APPLIED', message: '', proxies: 1 } as const;
  const isActive = (keyId: string) => hub.now.intent.intermediates.get(keyId)?.value.activated;
  const record = (keyId: string, activated: boolean) =>
    anIntermediate(keyId, { cluster: 'east', revoked: false, activated });

  it('comes 30 s after the link of the last cluster that has not acknowledged it has ended, with no report meanwhile', async () => {
    hub.link('west', 'away');
    await hub.put(record('k1', false));
    hub.acknowledge('east', { subject: 'intermediate/k1', ...held });
    await hub.pass(29_999);
    assert.equal(isActive('k1'), false);
    await hub.pass(1);
    assert.equal(isActive('k1'), true);
  });

  it('comes 7 days before the end of the one in use, where a cluster stays away', async () => {
    hub.link('west', 'away');
    const until = hub.clock.now() + 8 * day;
    await hub.put({ ...record('k1', true), notAfter: until }, record('k2', false));
    hub.acknowledge('east', { subject: 'intermediate/k2', ...held });
    await hub.clock.advance(day - 1);
    await hub.turn();
    assert.equal(isActive('k2'), false);
    await hub.pass(250);
    assert.equal(isActive('k2'), true);
  });

  it('comes 30 s after the last report of a cluster of whose connected agent no replica leads', async () => {
    hub.report('west', { record: { replicas: [aReplica({ since: hub.clock.now() })] } });
    await hub.pass(60_000);
    hub.heartbeat('west');
    await hub.put(record('k1', false));
    hub.acknowledge('east', { subject: 'intermediate/k1', ...held });
    await hub.pass(60_000);
    assert.equal(isActive('k1'), false);
    hub.heartbeat('west');
    hub.observations.update('west', (west) =>
      withReplica(west, aReplica({ since: west.replicas[0]!.since, leads: false })),
    );
    await hub.pass(29_999);
    assert.equal(isActive('k1'), false);
    await hub.pass(1);
    assert.equal(isActive('k1'), true);
  });

  it('comes no earlier for a cluster whose agent has connected just now and has no leader yet', async () => {
    hub.report('west', {
      record: { asOf: 1, replicas: [aReplica({ leads: false, since: hub.clock.now() })] },
    });
    await hub.put(record('k1', false));
    hub.acknowledge('east', { subject: 'intermediate/k1', ...held });
    await hub.pass(29_999);
    assert.equal(isActive('k1'), false);
    await hub.pass(1);
    assert.equal(isActive('k1'), true);
  });

  it('waits for nothing once the hub stops', () => {
    hub.end();
    assert.equal(hub.clock.pending, 0);
  });
});
