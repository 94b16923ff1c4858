import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { watchOperations } from '../../federation/failover/watch.ts';
import { Interest } from '../../federation/link/interest.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import { watchFirstExports } from '../../federation/policy/first-exports.ts';
import { watchNetworks } from '../../federation/registry/network.ts';
import { watchActivation } from '../../federation/trust/watch-activation.ts';
import { anIntermediate } from '../fakes/federation-changes.ts';
import { aMember, Federation } from '../fakes/federation.ts';

const services = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, 2]));

/** How often records of clusters are read, and how many sessions are queued, for one step among so many clusters. */
async function workOf(clusters: number, step: (hub: Federation) => Promise<void> | void) {
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  const hub = await Federation.start(...names);
  for (const name of names) hub.report(name, { services });
  await hub.put(anIntermediate('k1', { cluster: 'east', revoked: false, activated: false }));
  await hub.turn();
  hub.catalog.start(hub.now);
  let visits = 0;
  for (const name of names) hub.observations.update(name, (record) => counting(record, () => visits++));
  const interest = new Interest();
  let queued = 0;
  for (const cluster of names)
    interest.add({ cluster, trustDomain: defaultTrustDomain, queue: () => queued++ });
  const deps = { live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog };
  hub.live.onChange((changes, now) => interest.mark(hub.catalog.apply(changes, now), changes));
  watchActivation(deps, hub.stop.signal);
  watchNetworks(deps, hub.stop.signal);
  watchFirstExports(deps, hub.stop.signal);
  watchOperations(deps, hub.stop.signal);
  for (let turn = 0; turn < 10; turn++) await hub.turn();
  visits = 0;
  queued = 0;
  await step(hub);
  await hub.turn();
  const work = { visits, queued };
  hub.end();
  return work;
}

const counting = (record: ClusterRecord, count: () => void): ClusterRecord =>
  new Proxy(record, {
    get(target, key) {
      count();
      return Reflect.get(target, key) as ClusterRecord[keyof ClusterRecord];
    },
  });

const applied = (subject: string): Applied => ({
  subject,
  version: '1',
  state: 'PENDING',
  message: '',
  proxies: 1,
});

const policyOf = (name: string) => ({
  kind: 'accessPolicy' as const,
  name,
  effect: 'ALLOW' as const,
  target: { clusters: ['c7'], namespace: 'shop', labels: {} },
  rules: [],
});

describe('the size of a commit beside idle sessions', () => {
  const steps: Readonly<Record<string, (hub: Federation) => Promise<void> | void>> = {
    'a policy of one cluster': (hub) => hub.put(policyOf('p')),
    'an acknowledgement of a policy': (hub) => hub.acknowledge('c7', applied('policy/p')),
    'a join token, which makes a cluster known that is not a member yet': (hub) =>
      hub.put(aMember('expected', { admission: 'PENDING' })),
    'the drain of a member': (hub) => hub.put(aMember('c7', { drainPercent: 0, drainDeadline: 5 })),
    'an acknowledgement of an intermediate that waits': (hub) =>
      hub.acknowledge('c7', applied('intermediate/k1')),
  };
  for (const [what, step] of Object.entries(steps))
    it(`${what}: as much is read and queued among 40 clusters as among 20`, async () => {
      const [of20, of40] = [await workOf(20, step), await workOf(40, step)];
      assert.deepEqual(of40, of20);
      assert.ok(of20.queued <= 1);
    });

  it('a join token reads none of the members that wait for a network which another one has', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    await workOf(20, async (hub) => {
      for (const name of names) await hub.put(aMember(name, { network: undefined }));
      await hub.put(aMember('holder', { network: 'shared' }));
      for (const name of names) hub.observations.update(name, (one) => ({ ...one, network: 'shared' }));
      for (let turn = 0; turn < 10; turn++) await hub.turn();
      let reads = 0;
      for (const name of names) hub.observations.update(name, (one) => counting(one, () => reads++));
      await hub.turn();
      reads = 0;
      await hub.put(aMember('expected', { admission: 'PENDING' }));
      await hub.turn();
      assert.equal(reads, 0);
    });
  });

  it('ten commits of one turn are one change for the sessions', async () => {
    const policies = Array.from({ length: 10 }, (_, i) => policyOf(`p${i}`));
    const { queued } = await workOf(20, async (hub) => {
      await Promise.all(policies.map((policy) => hub.put(policy)));
    });
    assert.equal(queued, 1);
  });
});
