import type { Contents, IntentKind, IntentOf, Revision, Stored, Write } from '../store/store.ts';
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

type OfKind<K extends IntentKind> = ReadonlyMap<string, Stored<IntentOf<K>>>;

/** Intent as maps by kind, from everything that is stored. */
export function intentOf({ revision, objects }: Contents): IntentState {
  const byKind = Map.groupBy(objects, ({ value }) => value.kind);
  return each(undefined, revision, (kind) => {
    const ofKind = (byKind.get(kind) ?? []).filter(isOf(kind));
    return new Map(ofKind.map((stored) => [stored.id, stored]));
  });
}

/** One object as it is stored; undefined when there is none. */
export const storedOf = (intent: IntentState, kind: IntentKind, id: string): Stored | undefined =>
  intent[collections[kind]].get(id);

/** The next intent after a commit; maps of kinds that it does not touch are the same objects as before. */
export function applyWrites(intent: IntentState, writes: readonly Write[], revision: Revision): IntentState {
  const byKind = Map.groupBy(writes, (write) => ('put' in write ? write.put.kind : write.remove));
  return each(intent, revision, (kind, before = new Map()) => {
    const ofKind = byKind.get(kind);
    return ofKind ? LayeredMap.of(before).with(changesOf(kind, ofKind, revision)) : before;
  });
}

type Changes<K extends IntentKind> = readonly (readonly [id: string, Stored<IntentOf<K>> | undefined])[];

const changesOf = <K extends IntentKind>(kind: K, writes: readonly Write[], revision: Revision): Changes<K> =>
  writes.flatMap((write): Changes<K> => {
    if (!('put' in write)) return [[write.id, undefined]];
    const stored: Stored = { id: write.id, revision, value: write.put };
    return isOf(kind)(stored) ? [[write.id, stored]] : [];
  });

const isOf =
  <K extends IntentKind>(kind: K) =>
  (stored: Stored): stored is Stored<IntentOf<K>> =>
    stored.value.kind === kind;

/** The map of each kind from the one of before: written out, so that the compiler sees which kind each has. */
const each = (
  before: IntentState | undefined,
  revision: Revision,
  next: <K extends IntentKind>(kind: K, before: OfKind<K> | undefined) => OfKind<K>,
): IntentState => ({
  revision,
  clusters: next('cluster', before?.clusters),
  joinTokens: next('joinToken', before?.joinTokens),
  accessPolicies: next('accessPolicy', before?.accessPolicies),
  trafficPolicies: next('trafficPolicy', before?.trafficPolicies),
  serviceExports: next('serviceExport', before?.serviceExports),
  exportApprovals: next('exportApproval', before?.exportApprovals),
  failovers: next('failover', before?.failovers),
  operations: next('operation', before?.operations),
  trustDomains: next('trustDomain', before?.trustDomains),
  intermediates: next('intermediate', before?.intermediates),
  linkCas: next('linkCa', before?.linkCas),
  adminTokens: next('adminToken', before?.adminTokens),
});
