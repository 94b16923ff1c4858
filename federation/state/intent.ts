import type { Contents, IntentKind, Revision, Stored, Write } from '../store/store.ts';
import { LayeredMap } from './layered-map.ts';
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
  const changes = new Map<keyof IntentState, (readonly [id: string, stored: Stored | undefined])[]>();
  for (const write of writes) {
    const name = collections['put' in write ? write.put.kind : write.remove];
    const ofName = changes.get(name) ?? [];
    changes.set(name, ofName);
    ofName.push([write.id, 'put' in write ? { id: write.id, revision, value: write.put } : undefined]);
  }
  const next: Record<string, unknown> = { ...intent, revision };
  for (const [name, ofName] of changes)
    next[name] = LayeredMap.of(intent[name] as ReadonlyMap<string, Stored>).with(ofName);
  return next as unknown as IntentState;
}
