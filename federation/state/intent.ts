import type { Contents, IntentKind, Revision, Stored, Write } from '../store/store.ts';
import type { IntentState } from './snapshot.ts';

const collections = {
  cluster: 'clusters',
  joinToken: 'joinTokens',
  accessPolicy: 'accessPolicies',
  trafficPolicy: 'trafficPolicies',
  serviceExport: 'serviceExports',
  exportApproval: 'exportApprovals',
  failover: 'failovers',
  operation: 'operations',
  trustDomain: 'trustDomains',
  intermediate: 'intermediates',
  linkCa: 'linkCas',
  adminToken: 'adminTokens',
} as const satisfies Record<IntentKind, keyof IntentState>;

export const intentKinds = Object.keys(collections) as readonly IntentKind[];

/** Intent as maps by kind, from everything that is stored. */
export function intentOf({ revision, objects }: Contents): IntentState {
  const maps = Object.fromEntries(
    Object.values(collections).map((name) => [name, new Map<string, Stored>()]),
  );
  for (const stored of objects) maps[collections[stored.value.kind]]?.set(stored.id, stored);
  return { revision, ...maps } as unknown as IntentState;
}

/** One object as it is stored; undefined when there is none. */
export const storedOf = (intent: IntentState, kind: IntentKind, id: string): Stored | undefined =>
  (intent[collections[kind]] as ReadonlyMap<string, Stored>).get(id);

/** The next intent after a commit; maps of kinds that it does not touch are the same objects as before. */
export function applyWrites(intent: IntentState, writes: readonly Write[], revision: Revision): IntentState {
  const next: Record<string, unknown> = { ...intent, revision };
  const copied = new Set<string>();
  for (const write of writes) {
    const name = collections['put' in write ? write.put.kind : write.remove];
    if (!copied.has(name)) next[name] = new Map(intent[name] as ReadonlyMap<string, Stored>);
    copied.add(name);
    const map = next[name] as Map<string, Stored>;
    if ('put' in write) map.set(write.id, { id: write.id, revision, value: write.put });
    else map.delete(write.id);
  }
  return next as unknown as IntentState;
}
