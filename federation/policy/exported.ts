import { formatServiceKey, serviceNameOf, type ServiceKey } from '@isthmus/api/domain/names.ts';
import { mayHost } from '@isthmus/mesh/identity/hosting.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';

type Known = Pick<Now, 'intent' | 'settings'>;
type Named = Pick<ObservedService, 'namespace' | 'name'>;

type Requested = Named & Pick<ObservedService, 'exportRequested'>;

/**
 * Exported is requested and permitted. An admin's export is both; the label istio.io/global is a request, permitted
 * where the hub says so for all, and with strict exports only for clusters that are approved for the name. Either is
 * enough, but a cluster exports nothing of a namespace that it may not host: a pod that answered for it could prove
 * nothing.
 */
export const isExported = (known: Known, cluster: string, service: Requested): boolean =>
  hosts(known, cluster, service.namespace) && isMeantForExport(known, cluster, service);

const isMeantForExport = (known: Known, cluster: string, service: Requested): boolean =>
  isExportedByAdmin(known, cluster, service) ||
  (service.exportRequested &&
    known.settings.exportByLabel &&
    (known.settings.exports === 'open' || isApproved(known, cluster, service)));

/** The label asks for an export that the hub takes, of a namespace that the cluster may host. */
export const requestsByLabel = (
  known: Known,
  cluster: string,
  { exportRequested, namespace }: Requested,
): boolean => exportRequested && known.settings.exportByLabel && hosts(known, cluster, namespace);

/** The cluster exported the name first, or an operator has approved it or exported the service there. */
export const isApproved = (known: Known, cluster: string, service: Named): boolean =>
  isExportedByAdmin(known, cluster, service) ||
  (known.intent.exportApprovals.get(formatServiceKey(service))?.value.clusters.includes(cluster) ?? false);

const hosts = ({ intent }: Known, cluster: string, namespace: string): boolean =>
  mayHost({ namespaces: intent.clusters.get(cluster)?.value.namespaces }, namespace);

/** Services that would be exported if their cluster were allowed to host their namespaces, `<namespace>/<name>`. */
export const withheld = (
  known: Known,
  cluster: string,
  services: Iterable<ObservedService>,
): readonly string[] =>
  [...services]
    .filter((one) => !hosts(known, cluster, one.namespace) && isMeantForExport(known, cluster, one))
    .map(formatServiceKey);

function isExportedByAdmin({ intent }: Known, cluster: string, service: Named): boolean {
  const byAdmin = intent.serviceExports.get(formatServiceKey(service))?.value;
  return byAdmin?.clusters.includes(cluster) ?? false;
}

/** Whether a service that may not be known at this moment can be exported: false only when intent rules it out. */
export function mayBeExported(known: Now, cluster: string, key: ServiceKey): boolean {
  const report = known.observed.get(cluster)?.services.get(key);
  return isExported(known, cluster, { exportRequested: true, ...report, ...serviceNameOf(key) });
}

/**
 * A cluster has a service that it does not export: one of that name elsewhere is another service there, and local
 * stays local.
 */
export function holdsForItself(known: Now, cluster: string, key: ServiceKey): boolean {
  const own = known.observed.get(cluster)?.services.get(key);
  return own !== undefined && !isExported(known, cluster, own);
}
