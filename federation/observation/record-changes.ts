import type { CollectedChanges } from './change-set.ts';
import { clockConditions } from './clock-condition.ts';
import type { ClusterRecord } from './cluster-record.ts';
import { differing } from './persistent-map.ts';

/** Adds what differs between two states of one cluster's observation; undefined: nothing is known of it. */
export function addRecordChanges(
  changes: CollectedChanges,
  cluster: string,
  before: ClusterRecord | undefined,
  after: ClusterRecord | undefined,
): void {
  if (before === after) return;
  if (!after) changes.forgotten.add(cluster);
  addServices(changes, cluster, before, after);
  if (before?.gateways !== after?.gateways) changes.gateways.add(cluster);
  if (reportFields.some((field) => before?.[field] !== after?.[field])) changes.reports.add(cluster);
  if (linkFields.some((field) => before?.[field] !== after?.[field])) changes.links.add(cluster);
  for (const subject of differing(before?.applied, after?.applied)) changes.acknowledged(subject, cluster);
  if (isShownOtherwise(before, after)) changes.shown.add(cluster);
}

const reportFields = [
  'agentVersion',
  'network',
  'nodes',
  'workloadsByMode',
  'conditions',
  'rejections',
  'rejectionCounts',
] as const satisfies readonly (keyof ClusterRecord)[];

const linkFields = [
  'link',
  'replicas',
  'synced',
  'listed',
  'counted',
] as const satisfies readonly (keyof ClusterRecord)[];

const shownFields = [
  ...reportFields,
  ...linkFields,
  'proxiesConnected',
  'gateways',
  'refused',
  'rejectedReports',
  'reportsDelayed',
  'duplicates',
] as const satisfies readonly (keyof ClusterRecord)[];

/** The clock's skew moves all the time: it differs where its condition does, which has whole seconds. */
const isShownOtherwise = (before: ClusterRecord | undefined, after: ClusterRecord | undefined): boolean =>
  shownFields.some((field) => before?.[field] !== after?.[field]) ||
  clockConditions(before)[0]?.message !== clockConditions(after)[0]?.message;

function addServices(
  changes: CollectedChanges,
  cluster: string,
  before: ClusterRecord | undefined,
  after: ClusterRecord | undefined,
): void {
  for (const key of differing(before?.services, after?.services)) changes.service(cluster, key);
  for (const key of differing(before?.health, after?.health)) changes.service(cluster, key);
}
