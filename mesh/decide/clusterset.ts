import type { Service } from '../records/service.ts';
import type { ServiceStore } from '../state/services.ts';
import { withoutDomain } from './dns-names.ts';
import { clusterDomain } from './host-names.ts';

/** The domain of services that clusters export to each other (KEP-1645). */
const clustersetDomain = 'svc.clusterset.local';

/** The service that a name of the clusterset means: `cart.shop.svc.clusterset.local`, in lower case. */
export function ofClusterset(services: ServiceStore, name: string): Service | undefined {
  const labels = withoutDomain(name, clustersetDomain)?.split('.') ?? [];
  if (labels.length !== 2) return undefined;
  const [service = '', namespace = ''] = labels;
  const found = services.get(`${namespace}/${service}.${namespace}.svc.${clusterDomain}`);
  return found?.inClusterset ? found : undefined;
}
