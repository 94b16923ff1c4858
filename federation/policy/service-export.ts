import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { ServiceExport } from '@isthmus/api/domain/service-export.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { warning } from '../command/warning.ts';
import { members } from '../state/members.ts';
import type { Now } from '../state/now.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

export const exportService: Command<
  ServiceRef & { clusters: readonly string[] },
  { serviceExport: ServiceExport }
> = {
  name: 'exportService',
  subject: (service) => auditSubject('service', formatServiceKey(service)),
  decide(snapshot, { namespace, name, clusters }, context) {
    const id = formatServiceKey({ namespace, name });
    if (snapshot.index.exports.holders(id).size === 0)
      return refuse('NOT_FOUND', 'service', `no cluster has a service ${id}: isthmus services lists them`);
    const unknown = clusters.find((cluster) => !snapshot.intent.clusters.has(cluster));
    if (unknown !== undefined) return refuse('NOT_FOUND', 'clusters', `no cluster '${unknown}' is known`);
    const before = snapshot.intent.serviceExports.get(id);
    const stale = checkRevision(context, before?.revision ?? 0, `the export of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    // A cluster that joins later is not part of this decision.
    const exporting = clusters.length > 0 ? clusters : members(snapshot);
    const serviceExport: ServiceExport = { kind: 'serviceExport', namespace, name, clusters: exporting };
    const writes = [{ put: serviceExport, id, expected: before?.revision ?? 0 }];
    return ok({
      subject: auditSubject('service', id),
      writes,
      payload: { serviceExport },
      warnings: lacking(snapshot, id, clusters),
    });
  },
};

/** Clusters that are to export a service and have none of that name. */
const lacking = ({ observed }: Now, id: ServiceKey, clusters: readonly string[]) =>
  clusters
    .filter((cluster) => !observed.get(cluster)?.services.has(id))
    .map((cluster) =>
      warning(
        'EXPORT_OF_NOTHING',
        'clusters',
        `${cluster} has no service ${id}: the export has no effect there until it has one`,
      ),
    );

export const unexportService: Command<ServiceRef, ServiceRef> = {
  name: 'unexportService',
  subject: (service) => auditSubject('service', formatServiceKey(service)),
  decide(snapshot, { namespace, name }, context) {
    const id = formatServiceKey({ namespace, name });
    const before = snapshot.intent.serviceExports.get(id);
    if (!before)
      return refuse(
        'NOT_FOUND',
        'service',
        `${id} is not exported by an admin${byLabel(snapshot.settings.exportByLabel)}`,
      );
    const stale = checkRevision(context, before.revision, `the export of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    const writes = [{ remove: 'serviceExport' as const, id, expected: before.revision }];
    return ok({
      subject: auditSubject('service', id),
      writes,
      payload: { namespace, name },
      warnings: [warning('SERVICE_LEAVES', 'service', `other clusters lose ${id} at once`)],
    });
  },
};

const byLabel = (on: boolean): string =>
  on ? '; exports by label istio.io/global or by a ServiceExport end when that is removed' : '';
