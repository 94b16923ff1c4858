import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Authenticator } from '../ca/authenticator.ts';
import type { DueWork } from '../publish/due-times.ts';
import type { Subscriber } from '../publish/delta.ts';
import type { CaptureProof, SharedAddresses } from '../translate/world.ts';
import type { Source } from './source.ts';

/** What differs between the places that a cluster may run in, as the agent sees it. */
export interface ClusterRuntime {
  /** The cluster's objects, and whether its pods are ready. */
  readonly source: Source;
  /** Proves who calls for certificates and configuration. */
  readonly authenticator: Authenticator;
  readonly addresses: ServiceAddresses;
  /** Undefined where a kubelet starts pods. */
  readonly podStarting: PodStarting | undefined;
  /** Takes each delta after proxies have it. */
  readonly follower: Subscriber;
  /** What is done when its time has come. */
  readonly upkeep: readonly DueWork[];
  /** The API into which the agent writes what it makes of the cluster's objects; absent: it writes nothing into it. */
  readonly writes?: ApiServer;
  /** Who says that the traffic of an ambient pod is captured. */
  readonly capture: CaptureProof;
  /** What is degraded in the source and in the addresses. */
  conditions(): readonly Condition[];
  /** What has not been listed yet, and why as far as that is known: one sentence, for when nothing is published. */
  unlisted(): string;
  /** What is degraded in one service, beside what its endpoints say. */
  serviceConditions(service: ServiceObject): readonly Condition[];
}

/** Where services are called. */
export type ServiceAddresses = OwnAddresses | CommonAddresses;

/** All proxies have the same addresses of a service, which are in its record: they capture what pods send there. */
export interface CommonAddresses extends Subscriber, SharedAddresses {
  readonly kind: 'SHARED';
}

/** Each proxy has addresses of its own for a service, as it captures at them. */
export interface OwnAddresses extends Subscriber {
  readonly kind: 'PER_CLIENT';
  /**
   * Of the service, by its key, at a proxy, `<namespace>/<pod>`: allocated at the first call. None for a headless
   * service, which is its endpoints, and none when there are no more.
   */
  of(client: string, service: string): readonly string[];
  /** Whether an address was allocated to a service at this proxy. Allocates nothing. */
  isOf(client: string, address: string): boolean;
}

/** Gives pods what their processes start with. */
export interface PodStarting {
  /** After proxies have a delta, pods get what follows from it. */
  readonly writer: Subscriber;
}
