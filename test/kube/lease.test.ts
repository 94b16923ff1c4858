import assert from 'node:assert/strict';
import { leases } from '@isthmus/api/kube/resources.ts';
import { LeaseLeadership } from '@isthmus/cluster-agent/leader/lease-leadership.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { until } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { withApiServer } from './start-api-server.ts';

withApiServer('the Lease of an agent at a real API server', (started) => {
  it('is taken, renewed, given up and made again, by one replica at a time', async () => {
    const { server } = started().client();
    const clock = new FakeClock(Date.now());
    const start = (id: string) => {
      const stop = new AbortController();
      const deps = { api: server, namespace: 'default', address: `${id}:1`, clock, random: systemRandom };
      const one = new LeaseLeadership({ ...deps, id, log: silentLog });
      const ended = one.run(stop.signal);
      return Object.assign(one, { stop: () => stop.abort(), ended });
    };
    const place = { namespace: 'default', name: 'isthmus-agent' };
    const spec = async () =>
      ((await server.get(leases, place)) as { spec: { holderIdentity?: string; renewTime: string } }).spec;
    const a = start('agent-a');
    await until(() => a.leads());
    const b = start('agent-b');
    await until(() => b.leader?.id === 'agent-a');
    const first = (await spec()).renewTime;
    await clock.advance(5000);
    await until(async () => (await spec()).renewTime !== first);
    assert.deepEqual([a.leads(), b.leads()], [true, false]);
    a.stop();
    await a.ended;
    await until(async () => {
      await clock.advance(500);
      return b.leads();
    });
    assert.equal((await spec()).holderIdentity, 'agent-b');
    await server.remove(leases, place);
    await until(async () => {
      await clock.advance(500);
      return (await spec().catch(() => undefined))?.holderIdentity === 'agent-b';
    });
    assert.equal(b.leads(), true);
    b.stop();
    await b.ended;
  });
});
