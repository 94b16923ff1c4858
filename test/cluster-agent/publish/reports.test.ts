import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import type { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { ReportStore } from '@isthmus/cluster-agent/publish/report-store.ts';
import { Reports } from '@isthmus/cluster-agent/publish/reports.ts';
import { gatewayReports } from '@isthmus/cluster-agent/translate/gateways.ts';
import { clusterChanges } from '../../fakes/arbitrary-changes.ts';
import { ChangingCluster } from '../../fakes/changing-cluster.ts';
import { serviceReports } from '../../fakes/service-reports.ts';
import { setOf } from './publisher-world.ts';

/** A cluster whose reports follow what changes in it. */
class Reporting {
  readonly cluster = new ChangingCluster();
  readonly store = new ReportStore(() => undefined);
  readonly #reports = new Reports({
    input: () => this.cluster.input,
    store: this.store,
    onHealth: () => undefined,
  });

  constructor() {
    this.publish(setOf({ kind: 'synced' }));
  }

  publish(keys: ChangeSet): void {
    const delta = { keys, changed: new Map(), bulk: new Set<string>() };
    this.#reports.published(delta);
  }

  /** By name, the versions of the reports of a type: hashes of what they say. */
  versions(type: string): Record<string, string | undefined> {
    const of = this.store.of(type);
    return Object.fromEntries([...(of?.keys() ?? [])].map((name) => [name, of?.get(name)?.version]));
  }
}

const versionsOf = <T>(reports: ReadonlyMap<string, T>, encode: (report: T) => Uint8Array) =>
  Object.fromEntries([...reports].map(([name, report]) => [name, contentVersion(encode(report))]));

describe('reports that follow what is published', () => {
  it('are, report for report, those of everything that there is', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(clusterChanges, async (batches) => {
        const reporting = new Reporting();
        const { cluster } = reporting;
        for (const batch of batches) {
          await cluster.apply(batch);
          reporting.publish(cluster.update());
          const { input } = cluster;
          assert.deepEqual(
            reporting.versions('service'),
            versionsOf(serviceReports(input), wire.serviceReport.encode),
          );
          assert.deepEqual(
            reporting.versions('gateway'),
            versionsOf(gatewayReports(input), wire.gatewayReport.encode),
          );
        }
      }),
      { numRuns: 100 },
    );
  });
});
