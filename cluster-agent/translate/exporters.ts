import { type ServiceKey } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { localService } from './distribution.ts';
import { globalProperties } from './global-properties.ts';
import { byExportAge, type Exporter } from './merged-export.ts';
import type { HubQueries } from './world.ts';

/** What the exports of a service are found in. */
export interface ExportersWorld {
  readonly cluster: string;
  readonly view: Pick<ClusterView, 'service' | 'exportOf'>;
  readonly hub: Pick<HubQueries, 'grantOf' | 'remotesOf'>;
}

/** The exports of a service, with this cluster's own where the hub permits it, by age. */
export function exportersOf(key: ServiceKey, { cluster, view, hub }: ExportersWorld): readonly Exporter[] {
  const own = hub.grantOf(key) && localService(view, key);
  const all: readonly Exporter[] = hub.remotesOf(key);
  if (!own) return [...all].sort(byExportAge);
  const { ports } = own;
  return [...all, { cluster, ports, properties: globalProperties(view, own) }].sort(byExportAge);
}
