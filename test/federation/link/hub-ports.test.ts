import assert from 'node:assert/strict';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { hubPorts } from '../../../federation/link/hub-ports.ts';
import { withReplica } from '../../../federation/observation/record-steps.ts';
import { watchRemoval } from '../../../federation/state/removal.ts';
import { Federation } from '../../fakes/federation.ts';
import { aReplica } from '../../fakes/replica.ts';
import { storedReports } from '../../fakes/stored-reports.ts';

describe("federation/link: the link's view of the hub", () => {
  it('observes nothing of a cluster that was removed, though its link has yet to end', async () => {
    const hub = await Federation.start('east', 'west');
    const { live, store, observations, catalog, runner, clock, random } = hub;
    const unused = {} as never;
    const ports = hubPorts({
      clock,
      random,
      log: silentLog,
      live,
      observations,
      catalog,
      store,
      runner,
      ca: unused,
      provider: unused,
      limits: defaultLimits,
    });
    watchRemoval({ live, store, log: silentLog });
    const connects = (cluster: string) => ports.observe(cluster, (record) => withReplica(record, aReplica()));
    for (const cluster of ['east', 'west']) connects(cluster);
    await hub.turn();
    const row = { version: '1', body: new Uint8Array() };
    const rows = [{ type: 'service', name: 'shop/cart', resource: row }];
    await store.saveReports([{ cluster: 'west', rows }], 1);
    await hub.remove('cluster', 'west');
    connects('west');
    await hub.turn();
    assert.deepEqual([...hub.now.observed.keys()], ['east']);
    assert.deepEqual(await storedReports(store), []);
    hub.end();
  });
});
