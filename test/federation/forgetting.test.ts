import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { Progress } from '../../federation/failover/progress.ts';
import { DownSession } from '../../federation/link/down-session.ts';
import { Interest } from '../../federation/link/interest.ts';
import { ReportSaves } from '../../federation/link/report-saves.ts';
import { TakenReports } from '../../federation/link/taken-reports.ts';
import { Acknowledgements } from '../../federation/observation/acknowledgements.ts';
import { watchRemoval } from '../../federation/state/removal.ts';
import { written } from '@isthmus/federation/observation/change-set.ts';
import { PendingIntermediates } from '../../federation/trust/pending.ts';
import { anIntermediate } from '../fakes/federation-changes.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { storedReports } from '../fakes/stored-reports.ts';

const names = Array.from({ length: 1000 }, (_, i) => `c${i}`);

/** Everything of the hub that keeps something by cluster, joined as the hub joins it. */
function parts(hub: Federation) {
  const interest = new Interest();
  const taken = new TakenReports(hub.clock, defaultLimits, {
    reports: new Map(),
    shared: new Acknowledgements(),
  });
  const saves = new ReportSaves({ clock: hub.clock, store: hub.store, log: silentLog });
  const progress = new Progress(hub.now);
  const pending = new PendingIntermediates(hub.now);
  hub.catalog.start(hub.now);
  hub.live.onChange((changes, now) => {
    for (const cluster of written(changes, 'cluster').keys())
      if (!now.intent.clusters.has(cluster)) taken.forget(cluster);
    for (const cluster of changes.forgotten) saves.forget(cluster);
    interest.mark(hub.catalog.apply(changes, now), changes);
    progress.follow(changes, now);
    pending.follow(changes, now);
  });
  watchRemoval({ live: hub.live, store: hub.store, log: silentLog });
  const sizes = async () => ({
    observations: hub.observations.size,
    exports: hub.now.index.exports.size,
    gateways: hub.now.index.gatewayOwners.size,
    catalog: hub.catalog.size,
    interest: interest.size,
    taken: taken.size,
    saves: saves.size,
    progress: progress.size,
    pending: pending.size,
    rows: (await storedReports(hub.store)).length,
  });
  return { interest, taken, saves, sizes };
}

describe('a thousand clusters that join and are removed', () => {
  it('leave every size as it was', async () => {
    const hub = await Federation.start('east', 'west');
    hub.report('east', { services: { cart: 2 } });
    await hub.turn();
    const { interest, taken, saves, sizes } = parts(hub);
    const before = await sizes();
    await hub.put(...names.map((name) => aMember(name)));
    const sessions = names.map((cluster) => {
      hub.report(cluster, { services: { cart: 2, [`of-${cluster}`]: 1 } });
      taken.of(cluster);
      saves.add(cluster, [
        { type: 'service', name: 'shop/cart', resource: { version: '1', body: new Uint8Array() } },
      ]);
      return new DownSession({
        cluster,
        trustDomain: defaultTrustDomain,
        catalog: hub.catalog,
        interest,
        now: () => hub.now,
        onWork: () => undefined,
        onAck: () => undefined,
      });
    });
    await hub.put(
      ...names.map((cluster) =>
        anIntermediate(`k-${cluster}`, { cluster, revoked: false, activated: false }),
      ),
    );
    await hub.turn();
    await hub.clock.advance(200);
    const during = await sizes();
    for (const part of Object.keys(before) as (keyof typeof before)[])
      if (part !== 'progress' && part !== 'saves')
        assert.ok(during[part] >= before[part] + names.length, `${part} has something of each`);
    saves.add('c7', [{ type: 'service', name: 'shop/late', resource: undefined }]);
    for (const name of names) {
      void hub.remove('cluster', name);
      void hub.remove('intermediate', `k-${name}`);
    }
    for (const session of sessions) session.stop();
    for (let turn = 0; turn < 3; turn++) await hub.turn();
    await hub.clock.advance(1000);
    assert.deepEqual(await sizes(), before);
    hub.end();
  }).timeout(30_000);
});
