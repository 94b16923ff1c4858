import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { Authenticator } from '../../ca/authenticator.ts';
import { every } from '../../publish/due-times.ts';
import type { ClusterRuntime } from '../../runtime/cluster-runtime.ts';
import type { RuntimeDeps } from '../../runtime/place.ts';
import type { Source } from '../../runtime/source.ts';
import { ClusterAddresses } from './cluster-ips.ts';

/** A part that says what is degraded in it. */
export interface Conditioned {
  conditions(): readonly Condition[];
}

interface Parts extends Pick<ConstructorParameters<typeof ClusterAddresses>[0], 'allocations' | 'leads'> {
  readonly source: Source & Conditioned & { readonly unlisted: readonly string[] };
  readonly reviews: Authenticator & Conditioned;
  readonly kept: Conditioned;
  readonly lease: Conditioned;
  /** It is written into, too. */
  readonly server: ApiServer;
}

/** Services that are gone are looked at this often, milliseconds. */
const lookMillis = 60_000;

/** A cluster that is Kubernetes: its API server has the objects and proves callers, and its kubelets start pods. */
export function kubernetesRuntime(
  { source, reviews, kept, lease, allocations, leads, server }: Parts,
  { view, hub, clock }: Pick<RuntimeDeps, 'view' | 'hub' | 'clock'>,
): ClusterRuntime {
  const addresses = new ClusterAddresses({ allocations, leads, view, hub, clock });
  const parts: readonly Conditioned[] = [source, reviews, addresses, kept, lease];
  return {
    source,
    authenticator: reviews,
    addresses,
    podStarting: undefined,
    capture: 'ANNOTATION',
    follower: { published: () => undefined },
    upkeep: [every('addresses', clock, lookMillis, () => addresses.release())],
    conditions: () => parts.flatMap((part) => part.conditions()),
    unlisted: () => unlistedOf(source),
    serviceConditions: () => [],
    writes: server,
  };
}

function unlistedOf(source: Parts['source']): string {
  const why = source.conditions().map(({ message, remedy }) => `${message}: ${remedy}`);
  const kinds = source.unlisted.join(', ');
  return `the API server has not listed ${kinds} yet${why.length === 0 ? '' : ` (${why.join('; ')})`}`;
}
