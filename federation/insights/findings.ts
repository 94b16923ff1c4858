import type { Check } from '@isthmus/mesh/http/health-pages.ts';
import type { Now } from '../state/now.ts';
import { ofClusters } from './clusters.ts';
import type { Finding } from './finding.ts';
import { ofHub } from './hub.ts';
import { inForce } from './in-force.ts';
import { ofPolicies } from './policies.ts';
import { ofServices } from './services.ts';
import { ofTrust } from './trust.ts';

/**
 * Everything that is wrong or in force in the federation, in no order. `now` in epoch milliseconds; `checks` are those of
 * the hub's own readiness.
 */
export const findings = (snapshot: Now, now: number, checks: readonly Check[] = []): readonly Finding[] => [
  ...ofHub(checks),
  ...ofClusters(snapshot, now),
  ...ofServices(snapshot),
  ...ofPolicies(snapshot),
  ...ofTrust(snapshot, now),
  ...inForce(snapshot, now),
];
