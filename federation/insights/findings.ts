import type { Check } from '@isthmus/mesh/http/health-pages.ts';
import type { Now } from '../state/now.ts';
import { ofCluster } from './clusters.ts';
import type { Finding } from './finding.ts';
import { ofHub } from './hub.ts';
import { inForce } from './in-force.ts';
import { ofPolicy } from './policies.ts';
import { ofHolders, serviceKeys, withinLimit, withoutService } from './services.ts';
import { ofTrust } from './trust.ts';

/**
 * Everything that is wrong or in force in the federation, made from scratch and in no order: what `Insights` keeps in parts. `at`:
 * epoch milliseconds; `checks` are those of the hub's own readiness.
 */
export function findings(now: Now, at: number, checks: readonly Check[] = []): readonly Finding[] {
  const services = [...serviceKeys(now)];
  return [
    ...ofHub(checks),
    ...[...now.intent.clusters.keys()].flatMap((cluster) => ofCluster(now, cluster, at)),
    ...withinLimit(services.flatMap((key) => ofHolders(now, key))),
    ...services.flatMap((key) => withoutService(now, key)),
    ...[...now.intent.accessPolicies.keys()].flatMap((name) => ofPolicy(now, name)),
    ...ofTrust(now, at),
    ...inForce(now, at),
  ];
}
