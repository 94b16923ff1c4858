import type { ObservedService } from '../state/observed.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/**
 * Exported is requested and permitted. An admin's export is both; the label istio.io/global is a request, permitted
 * where the hub says so for all.
 */
export function isExported(
  { intent, settings }: Pick<FederationSnapshot, 'intent' | 'settings'>,
  cluster: string,
  service: Pick<ObservedService, 'namespace' | 'name' | 'exportRequested'>,
): boolean {
  const byAdmin = intent.serviceExports.get(`${service.namespace}/${service.name}`)?.value;
  if (byAdmin) return byAdmin.clusters.length === 0 || byAdmin.clusters.includes(cluster);
  return service.exportRequested && settings.exportByLabel;
}
