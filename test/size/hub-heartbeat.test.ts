import assert from 'node:assert/strict';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthAnswer } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { serviceReport } from '@isthmus/api/wire/link.ts';
import { Reports } from '../../federation/link/reports.ts';
import { healthStream } from '../../federation/link/streams/health.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import { withHealth, withPulse } from '../../federation/observation/health-steps.ts';
import { aHealth, aService } from '../fakes/agent.ts';
import { Federation } from '../fakes/federation.ts';

const servicesOfEach = 20;
const services = Object.fromEntries(Array.from({ length: servicesOfEach }, (_, i) => [`s${i}`, 2]));

/** A federation whose records count how often anything of them is read. */
async function counting(clusters: number) {
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  const hub = await Federation.start(...names);
  for (const name of names) hub.report(name, { services });
  await hub.turn();
  let visits = 0;
  for (const name of names)
    hub.observations.update(
      name,
      (record) =>
        new Proxy(record, {
          get(target, key) {
            visits++;
            return Reflect.get(target, key) as ClusterRecord[keyof ClusterRecord];
          },
        }),
    );
  await hub.turn();
  let calls = 0;
  hub.live.onChange(() => calls++);
  const counted = async (step: () => void) => {
    visits = 0;
    step();
    await hub.turn();
    return { visits, calls };
  };
  return { hub, counted };
}

const report = (hub: Federation) => ({
  sequence: 1,
  sentAt: hub.clock.now(),
  proxiesConnected: 0,
  workloads: 1,
  services: Object.keys(services).map((name) => aHealth(name)),
  unreadable: [],
});

describe('the size of a heartbeat with nothing new', () => {
  for (const [what, step] of [
    ['without counts', withPulse],
    ['with counts', withHealth],
  ] as const)
    it(`${what}: reads as much of the state in a federation of 40 clusters as in one of 20, and calls no listener`, async () => {
      const beat = async (clusters: number) => {
        const { hub, counted } = await counting(clusters);
        const found = await counted(() =>
          hub.observations.update('c7', (record) => step(record, report(hub), hub.clock.now())),
        );
        hub.end();
        return found;
      };
      const [of20, of40] = [await beat(20), await beat(40)];
      assert.ok(of20.visits > 0);
      assert.deepEqual(of40, of20);
      assert.equal(of20.calls, 0);
    });

  it('is answered only where it has counts, which the agent sends until they are acknowledged', async () => {
    const hub = await Federation.start('east');
    const answers: HealthAnswer[] = [];
    const call = { write: (answer: HealthAnswer) => answers.push(answer) > 0 };
    const ports = {
      clock: hub.clock,
      limits: defaultLimits,
      snapshot: () => hub.now,
      observe: (cluster: string, step: (before: ClusterRecord) => ClusterRecord) =>
        hub.observations.update(cluster, step),
      saveReports: () => undefined,
    };
    const link = { agent: { cluster: 'east' }, leads: true };
    const stream = healthStream.open(link as never, call as never, { hub: ports } as never);
    stream.hear({ ...report(hub), sequence: 1 });
    stream.hear({ ...report(hub), sequence: 2, services: [], partial: true });
    stream.hear({ ...report(hub), sequence: 3 });
    assert.deepEqual(
      answers.map(({ sequence }) => sequence),
      [1, 3],
    );
    stream.stop();
    hub.end();
  });

  it('a member that sends its whole state again has none of it decoded, written or announced', async () => {
    let reads = 0;
    const whole = Object.keys(services).map((name) => {
      const body = serviceReport.encode(aService(name));
      const version = contentVersion(body);
      return {
        name: `shop/${name}`,
        version,
        get body() {
          reads++;
          return body;
        },
      };
    });
    const hub = await Federation.start('east', 'west');
    const reports = new Reports();
    const offer = async () => {
      let calls = 0;
      reads = 0;
      const stop = hub.live.onChange(() => calls++);
      const { change, rows, rejected } = reports.apply('service', whole, [], hub.clock.now());
      hub.observations.update('east', change);
      await hub.turn();
      stop();
      return { reads, calls, rows: rows.length, rejected: rejected.length };
    };
    const first = await offer();
    assert.ok(first.reads >= servicesOfEach && first.rows === servicesOfEach);
    assert.deepEqual(await offer(), { reads: 0, calls: 0, rows: 0, rejected: 0 });
    hub.end();
  });
});
