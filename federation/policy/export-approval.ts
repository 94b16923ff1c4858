import type { Condition } from '@isthmus/api/domain/condition.ts';
import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { ExportApproval } from '@isthmus/api/domain/export-approval.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import type { Write } from '../store/store.ts';
import { isApproved, requestsByLabel } from './exported.ts';
import type { ServiceRef } from './service-export.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface ApproveExport extends ServiceRef {
  readonly clusters: readonly string[];
}

/** An operator's word that clusters may export a service by label under a name that another cluster exports already. */
export const approveExport: Command<ApproveExport, { approval: ExportApproval }> = {
  name: 'approveExport',
  subject: (service) => auditSubject('service', formatServiceKey(service)),
  decide(snapshot, { namespace, name, clusters }, context) {
    const id = formatServiceKey({ namespace, name });
    if (clusters.length === 0) return refuse('INVALID', 'clusters', 'name at least one cluster to approve');
    const unknown = clusters.find((cluster) => !snapshot.intent.clusters.has(cluster));
    if (unknown !== undefined)
      return refuse('NOT_FOUND', 'clusters', `no cluster '${unknown}' is known: isthmus clusters lists them`);
    const without = clusters.find((cluster) => !snapshot.observed.get(cluster)?.services.has(id));
    if (without !== undefined)
      return refuse(
        'NOT_FOUND',
        'service',
        `cluster ${without} has no service ${id}: isthmus services lists them`,
      );
    const before = snapshot.intent.exportApprovals.get(id);
    const stale = checkRevision(context, before?.revision ?? 0, `the approval of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    const approval: ExportApproval = {
      kind: 'exportApproval',
      namespace,
      name,
      clusters: [...new Set([...(before?.value.clusters ?? []), ...clusters])].sort(),
    };
    return ok({
      subject: auditSubject('service', id),
      writes: [{ put: approval, id, expected: before?.revision ?? 0 }],
      payload: { approval },
      warnings: [],
    });
  },
};

/** More first exporters are recorded by the next commit. */
const maxWrites = 1000;

/** Approvals for those of these names that a cluster exports by label and that no cluster has exported before. */
export function firstExports(snapshot: Now, keys: Iterable<ServiceKey>): readonly ExportApproval[] {
  const { intent, settings } = snapshot;
  if (!settings.exportByLabel) return [];
  const found: ExportApproval[] = [];
  for (const key of keys) {
    if (intent.exportApprovals.has(key)) continue;
    const first = firstExporter(snapshot, key);
    if (first) found.push(first);
    if (found.length === maxWrites) break;
  }
  return found;
}

function firstExporter(snapshot: Now, key: ServiceKey): ExportApproval | undefined {
  for (const [cluster, service] of snapshot.index.exports.holders(key)) {
    if (!requestsByLabel(snapshot, cluster, service)) continue;
    const { namespace, name } = service;
    return { kind: 'exportApproval', namespace, name, clusters: [cluster] };
  }
  return undefined;
}

/** A step of the hub itself: the first cluster that exports a name needs no approval. */
export const recordFirstExports: Command<{ keys: ReadonlySet<ServiceKey> }, { recorded: number }> = {
  name: 'recordFirstExports',
  decide(snapshot, { keys }) {
    const approvals = firstExports(snapshot, keys);
    if (approvals.length === 0) return refuse('CONFLICT', '', 'every exported name has a first exporter');
    const writes = approvals.map((put): Write => ({ put, id: formatServiceKey(put), expected: 0 }));
    return ok({
      subject: auditSubject('exports', writes.length),
      writes,
      payload: { recorded: writes.length },
      warnings: [],
    });
  },
};

/** What an operator has to know of a cluster that exports a name which another cluster exported first. */
export function approvalConditions(
  snapshot: Now,
  cluster: string,
  service: ObservedService,
): readonly Condition[] {
  const key = formatServiceKey(service);
  const first = snapshot.intent.exportApprovals.get(key)?.value;
  if (!requestsByLabel(snapshot, cluster, service) || !first || isApproved(snapshot, cluster, service))
    return [];
  const strict = snapshot.settings.exports === 'strict';
  const by = first.clusters.join(', ');
  return [
    {
      type: 'ExportApproved',
      status: 'False',
      reason: strict ? 'EXPORT_AWAITS_APPROVAL' : 'EXPORTED_BY_SEVERAL',
      severity: 'WARNING',
      object: '',
      message: strict
        ? `${key} is exported by ${by}; the export by ${cluster} waits for an operator's approval`
        : `${key} is exported by ${by}; ${cluster} exports it too, and receives a share of its connections`,
      remedy: `isthmus approve-export ${key} --clusters ${cluster}, or remove the label istio.io/global from the Service in ${cluster}, and its ServiceExport`,
    },
  ];
}
