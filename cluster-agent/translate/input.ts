import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterIdentity } from '../view/cluster-identity.ts';
import type { Health } from '../health/tracker.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { HubView } from '../view/hub-view.ts';
import type { Outputs } from './world.ts';

/** All that reports and answers rest on. */
export interface TranslateInput extends ClusterIdentity {
  readonly view: ClusterView;
  readonly hub: HubView;
  /** What the place where the cluster runs says of a service. */
  readonly serviceConditions: (service: ServiceObject) => readonly Condition[];
  readonly health: Health;
  /** What is derived from all of these. */
  readonly derived: Outputs;
}
