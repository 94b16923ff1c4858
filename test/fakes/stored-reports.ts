import type { Store, StoredReport } from '../../federation/store/store.ts';

/** Everything that a store has of all clusters. */
export async function storedReports(store: Store): Promise<readonly StoredReport[]> {
  const all: StoredReport[] = [];
  for (const cluster of await store.reportedClusters()) all.push(...(await store.readReports(cluster)));
  return all;
}
