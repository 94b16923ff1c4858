import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { differences } from '../../federation/compile/differences.ts';
import { Interest, type Work } from '../../federation/link/interest.ts';
import { Federation } from '../fakes/federation.ts';

const services = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, 2]));
const fewer = { ...services, s3: 1 };

const applied = { subject: 'policy/p', version: '1', state: 'APPLIED', message: '', proxies: 1 } as const;

const policyOf = (...clusters: readonly string[]) => ({
  kind: 'accessPolicy' as const,
  name: 'p',
  effect: 'ALLOW' as const,
  target: { clusters, namespace: 'shop', labels: {} },
  rules: [],
});

/** How many sessions one change concerns, and how many names one of them compares at most. */
async function workOf(clusters: number, change: (hub: Federation) => Promise<void> | void, replicas = 1) {
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  const hub = await Federation.start(...names);
  for (const name of names) hub.report(name, { services });
  await hub.turn();
  hub.catalog.start(hub.now);
  const interest = new Interest();
  const queued: { readonly cluster: string; readonly all: Work[] }[] = [];
  for (const cluster of names)
    for (let replica = 0; replica < replicas; replica++) {
      const all: Work[] = [];
      queued.push({ cluster, all });
      interest.add({ cluster, trustDomain: defaultTrustDomain, queue: (work) => all.push(work) });
    }
  hub.live.onChange((changes, now) => interest.mark(hub.catalog.apply(changes, now), changes));
  await change(hub);
  await hub.turn();
  const compared = queued.map(({ cluster, all }) =>
    all.reduce((sum, work) => {
      if (work.kind === 'released') return sum + 1;
      return sum + differences(work.update, { cluster, trustDomain: defaultTrustDomain }).length;
    }, 0),
  );
  hub.end();
  return {
    sessions: queued.filter(({ all }) => all.length > 0).length,
    names: Math.max(...compared),
  };
}

describe('the size of what a change is for the sessions', () => {
  const cases: Readonly<
    Record<
      string,
      [
        change: (hub: Federation) => Promise<void> | void,
        sessions: (clusters: number) => number,
        names: number,
      ]
    >
  > = {
    'a policy of one cluster': [(hub) => hub.put(policyOf('c7')), () => 1, 1],
    'a policy of all': [(hub) => hub.put(policyOf()), (clusters) => clusters, 1],
    'a service': [(hub) => hub.report('c7', { services: fewer }), (clusters) => clusters - 1, 1],
    'an acknowledgement': [(hub) => hub.acknowledge('c7', applied), () => 0, 0],
    'a heartbeat': [(hub) => hub.heartbeat('c7'), () => 0, 0],
  };
  for (const [what, [change, sessions, names]] of Object.entries(cases))
    for (const clusters of [20, 40])
      it(`${what}: ${sessions(clusters)} of ${clusters} sessions compare ${names} name${names === 1 ? '' : 's'}`, async () =>
        assert.deepEqual(await workOf(clusters, change), { sessions: sessions(clusters), names }));

  for (const [what, [change, sessions, names]] of Object.entries(cases))
    it(`${what}: of 20 clusters with two replicas each, both sessions of a cluster are concerned, and no more`, async () =>
      assert.deepEqual(await workOf(20, change, 2), { sessions: 2 * sessions(20), names }));
});
