import assert from 'node:assert/strict';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { versionOf } from '../../federation/compile/version-of.ts';
import { trafficShiftsOf } from '@isthmus/federation/compile/traffic-shifts.ts';
import { waits } from '../../federation/failover/operation.ts';
import { watchOperations } from '../../federation/failover/watch.ts';
import { drainCluster, undrainCluster } from '../../federation/registry/drain.ts';
import { revokeCluster } from '../../federation/registry/membership.ts';
import { makeAuthority } from '../fakes/authority.ts';
import { Federation } from '../fakes/federation.ts';
import { aReplica } from '../fakes/replica.ts';

describe('federation/failover: operations', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'east-2');
    watchOperations(
      { live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog },
      hub.stop.signal,
    );
    for (const name of ['east', 'west', 'east-2']) says(name, []);
  });
  afterEach(() => hub.end());

  const one = (
    subject: string,
    version: string,
    state: Applied['state'] = 'APPLIED',
    message = '',
  ): Applied => ({
    subject,
    version,
    state,
    message,
    proxies: 1,
  });
  const says = (cluster: string, applied: readonly Applied[]) =>
    hub.report(cluster, { record: { applied: new Map(applied.map((said) => [said.subject, said])) } });
  /** Every traffic shift that stands, as a cluster that has applied it says. */
  const standing = () =>
    trafficShiftsOf(hub.now).map((each) =>
      one(`diversion/${each.id}`, versionOf(hub.now, 'diversion', each.id) ?? ''),
    );
  const drain = async (cluster: string) => {
    const outcome = await hub.run(drainCluster, { cluster, percent: 50, scope: 'ALL', deadline: undefined });
    assert.ok(outcome.ok);
    return outcome.payload.operation?.id ?? '';
  };
  const look = (id: string) => hub.now.intent.operations.get(id)!.value;

  it('show when each cluster applied them, and end with the last cluster', async () => {
    const id = await drain('east');
    says('west', standing());
    await hub.pass(1000);
    assert.deepEqual(
      look(id).applied.map(({ cluster }) => cluster),
      ['west'],
    );
    assert.equal(look(id).state, 'RUNNING');
    await hub.pass(5000);
    says('east', standing());
    says('east-2', standing());
    await hub.pass(1000);
    const { state, applied, finishedAt } = look(id);
    assert.equal(state, 'DONE');
    assert.ok(applied[1]!.at - applied[0]!.at >= 5000 && finishedAt === applied[2]!.at);
  });

  it('do not wait for a cluster that is sent away, nor take another for the one with a longer name', async () => {
    const id = await drain('east');
    await drain('east-2');
    const mine = standing().filter(({ subject }) => subject === 'diversion/drain:east');
    says('west', mine);
    says('east', mine);
    await hub.run(revokeCluster, { cluster: 'east-2' });
    await hub.pass(1000);
    assert.equal(look(id).state, 'DONE');
  });

  it('name the clusters and the proxies that they wait for', async () => {
    const id = await drain('east');
    says('west', [{ ...standing()[0]!, state: 'PENDING', message: 'waiting for istio-system/ztunnel-1' }]);
    says('east-2', []);
    hub.observe({ ...hub.now.observed.get('east')!, link: { kind: 'UNREACHABLE', since: 1 } });
    await hub.pass(1000);
    assert.deepEqual([...waits(look(id), hub.now)].sort(), [
      'east (its agent is not connected)',
      'east-2',
      'west (waiting for istio-system/ztunnel-1)',
    ]);
    hub.report('east', { record: { replicas: [aReplica({ leads: false })] } });
    assert.equal([...waits(look(id), hub.now)].sort()[0], 'east (none of the replicas of its agent leads)');
  });

  it('stay as they ended, and fail when another of the same overtakes them', async () => {
    const first = await drain('east');
    const back = await hub.run(undrainCluster, { cluster: 'east' });
    assert.ok(back.ok);
    const undrain = back.payload.operation?.id ?? '';
    assert.deepEqual(
      [look(first).state, /superseded by UNDRAIN/.test(look(first).message)],
      ['FAILED', true],
    );
    await hub.pass(1000);
    assert.equal(look(undrain).state, 'DONE');
    await drain('east');
    await hub.pass(1000);
    assert.equal(look(undrain).state, 'DONE');
  });

  it('a drain fails, and is applied by no cluster, when its cluster is sent away meanwhile', async () => {
    const id = await drain('east');
    await hub.run(revokeCluster, { cluster: 'east' });
    await hub.pass(1000);
    const { state, applied, message } = look(id);
    assert.deepEqual([state, applied], ['FAILED', []]);
    assert.match(message, /revoked or removed/);
  });

  it('an undo is not applied by a cluster that may hold what was undone, and has not listed what it has', async () => {
    hub.link('west', 'away');
    await drain('east');
    const back = await hub.run(undrainCluster, { cluster: 'east' });
    assert.ok(back.ok);
    const id = back.payload.operation?.id ?? '';
    await hub.pass(1000);
    assert.deepEqual(
      look(id)
        .applied.map(({ cluster }) => cluster)
        .sort(),
      ['east', 'east-2'],
    );
    hub.link('west', 'here');
    await hub.pass(1000);
    assert.equal(look(id).state, 'RUNNING');
    hub.link('west', 'whole');
    await hub.pass(1000);
    assert.equal(look(id).state, 'DONE');
  });

  it('a revocation is done at a peer once its proxies hold the intermediate as revoked, and not before', async () => {
    const east = makeAuthority().intermediate.certificate;
    const record: IntermediateRecord = {
      kind: 'intermediate',
      keyId: 'k1',
      trustDomain: defaultTrustDomain,
      cluster: 'east',
      notAfter: 1,
      certificatePem: certificatePem(east),
      revoked: false,
      activated: true,
    };
    await hub.put(record);
    const before = versionOf(hub.now, 'intermediate', 'k1');
    const outcome = await hub.run(revokeCluster, { cluster: 'east' });
    assert.ok(outcome.ok);
    const id = outcome.payload.operation?.id ?? '';
    const after = versionOf(hub.now, 'intermediate', 'k1');
    assert.notEqual(before, after);
    says('east-2', [one('intermediate/k1', after!)]);
    for (const said of [
      one('intermediate/k1', before!),
      one('intermediate/k1', after!, 'PENDING', 'revoked'),
      one('intermediate/k1', after!, 'REJECTED', 'ztunnel: no room'),
    ]) {
      says('west', [said]);
      await hub.pass(1000);
      assert.deepEqual(
        look(id).applied.map(({ cluster }) => cluster),
        ['east-2'],
      );
    }
    says('west', [one('intermediate/k1', after!)]);
    await hub.pass(1000);
    assert.equal(look(id).state, 'DONE');
  });
});
