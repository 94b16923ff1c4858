import assert from 'node:assert/strict';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { serviceReport } from '@isthmus/api/wire/link.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { hubState } from '../../federation/hub-state.ts';
import { countsOf, countsRow } from '../../federation/link/counts-row.ts';
import { ReportSaves } from '../../federation/link/report-saves.ts';
import { Reports } from '../../federation/link/reports.ts';
import type { ReportRow } from '../../federation/store/store.ts';
import { aHealth, aService } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { Federation } from '../fakes/federation.ts';
import { storedReports } from '../fakes/stored-reports.ts';
import { inShop } from '../fakes/services.ts';

const resource = (name: string) => {
  const body = serviceReport.encode(aService(name));
  return { name: `shop/${name}`, version: contentVersion(body), body };
};

const storedOf = (cluster: string, row: ReportRow) => ({
  cluster,
  type: row.type,
  name: row.name,
  version: row.resource!.version,
  body: row.resource!.body,
  asOf: 5,
});

describe('what a hub knows of a cluster after it was started again', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
  });
  afterEach(() => hub.end());

  const started = () =>
    hubState(
      {
        store: hub.store,
        settings: hub.now.settings,
        epoch: 2,
        clock: hub.clock,
        log: silentLog,
        limits: defaultLimits,
        outside: hub.outside,
      },
      hub.stop.signal,
    );

  it('is its reports and endpoint counts, so that what others receive of it is the same', async () => {
    const { rows } = new Reports().apply('service', [resource('cart')], [], 5);
    const counts = countsRow(inShop('cart'), aHealth('cart').groups);
    await hub.store.saveReports([{ cluster: 'east', rows: [...rows, counts] }], 5);
    const { live, catalog, restored } = await started();
    const record = live.current.observed.get('east')!;
    assert.equal(record.services.get(inShop('cart'))?.groups[0]?.healthy, 2);
    assert.equal(record.counted, false);
    assert.deepEqual([...restored.reports.get('east')!.versions().get('service')!.keys()], ['shop/cart']);
    const again = await started();
    assert.equal(
      again.catalog.get('remote', 'east/shop/cart')?.version,
      catalog.get('remote', 'east/shop/cart')?.version,
    );
  });

  it('is nothing of a cluster that is not known, whose rows go', async () => {
    const rows = [countsRow(inShop('cart'), aHealth('cart').groups)];
    await hub.store.saveReports([{ cluster: 'gone', rows }], 5);
    await started();
    assert.deepEqual(await storedReports(hub.store), []);
  });

  it('is nothing of a row that cannot be read, and everything of the others', () => {
    const odd = {
      cluster: 'east',
      type: 'service',
      name: 'shop/odd',
      version: '1',
      body: Uint8Array.of(255),
      asOf: 5,
    };
    const good = { cluster: 'east', type: 'service', asOf: 5, ...resource('cart') };
    const { reports, rejected } = Reports.restore([odd, good]);
    assert.deepEqual([...reports.versions().get('service')!.keys()], ['shop/cart']);
    assert.deepEqual(
      rejected.map(({ name }) => name),
      ['shop/odd'],
    );
  });

  it('counts of one service are one row, whatever their number', () => {
    const row = countsRow(inShop('cart'), aHealth('cart', 1).groups);
    assert.deepEqual(countsOf([storedOf('east', row)]), [aHealth('cart', 1)]);
    assert.deepEqual(countsRow(inShop('cart'), undefined).resource, undefined);
  });
});

describe('reports on their way to the store', () => {
  const row = (name: string, version: string): ReportRow => ({
    type: 'service',
    name,
    resource: { version, body: new Uint8Array() },
  });

  it('are written after 200 ms, the latest of each name, and not those of a cluster that is forgotten', async () => {
    const clock = new FakeClock();
    const written: string[] = [];
    let writes = 0;
    const saves = new ReportSaves({
      clock,
      log: silentLog,
      store: {
        saveReports: (all) => {
          writes++;
          for (const { cluster, rows } of all)
            for (const { name, resource: held } of rows)
              written.push(`${cluster} ${name} ${held?.version ?? 'gone'}`);
          return Promise.resolve();
        },
      },
    });
    saves.add('east', [row('a', '1'), row('b', '1')]);
    saves.add('east', [row('a', '2'), { type: 'service', name: 'b', resource: undefined }]);
    saves.add('west', [row('a', '1')]);
    saves.forget('west');
    await clock.advance(199);
    assert.deepEqual(written, []);
    await clock.advance(1);
    assert.deepEqual(written, ['east a 2', 'east b gone']);
    assert.equal(saves.size, 0);
    saves.add('east', [row('a', '3')]);
    await clock.advance(150);
    saves.add('west', [row('a', '4')]);
    await clock.advance(50);
    assert.deepEqual(written.slice(2), ['east a 3', 'west a 4']);
    assert.equal(writes, 2, 'those of all clusters at once');
    saves.add('east', [row('a', '5')]);
    saves.forget('east');
    await clock.advance(200);
    assert.equal(writes, 2, 'nothing is written of no cluster');
  });
});
