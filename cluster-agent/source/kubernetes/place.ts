import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { KeptAllocations } from '../../kept/kept-allocations.ts';
import { KeptSecret } from '../../kept/kept-secret.ts';
import { showRoot } from '../../kept/xds-root.ts';
import type { ReservedBlock } from '../../kept/reserved-block.ts';
import { parseServiceKey, type ServiceKey } from '../../keys/names.ts';
import type { Leadership } from '../../leader/leadership.ts';
import { LeaseLeadership } from '../../leader/lease-leadership.ts';
import type { Place } from '../../runtime/place.ts';
import { KubernetesSource } from './kubernetes-source.ts';
import { kubernetesRuntime } from './runtime.ts';
import { TokenReviews } from './token-review.ts';

export interface KubernetesOptions {
  readonly server: ApiServer;
  /** That of the agent: what it keeps is there. */
  readonly namespace: string;
  /** Of this replica: the name of its pod. */
  readonly replica: string;
  /** For services that are only in other clusters. */
  readonly remoteAddresses: ReservedBlock;
}

interface Around {
  /** host:port where other replicas reach this one; '' where none does. */
  readonly address: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Undefined: who holds the Lease leads. */
  readonly leadership: Leadership | undefined;
}

/** A cluster in Kubernetes, with what its agent keeps there. */
export function kubernetesPlace(options: KubernetesOptions, around: Around): Place {
  const { server, namespace, replica, remoteAddresses } = options;
  const { clock, log } = around;
  const lease = new LeaseLeadership({ ...around, api: server, namespace, id: replica });
  const leadership = around.leadership ?? lease;
  const leads = () => leadership.leads();
  let hasStarted = false;
  const role = () => (!hasStarted ? 'STARTING' : leads() ? 'LEADER' : 'FOLLOWER');
  const at = { ...around, server, namespace };
  const kept = new KeptSecret({ ...at, role });
  let onAddresses: ((service: ServiceKey) => void) | undefined;
  const allocations = new KeptAllocations({
    ...at,
    block: remoteAddresses,
    onKept(services) {
      for (const text of services) {
        const service = parseServiceKey(text);
        if (service.ok) onAddresses?.(service.value);
      }
    },
  });
  return {
    kept,
    leadership,
    prepare: () => allocations.restore(),
    showRoot: (root) => void showRoot(root, at),
    runtime(deps) {
      hasStarted = true;
      onAddresses = deps.onAddresses;
      const reviews = new TokenReviews({ server, clock, log });
      const source = new KubernetesSource({ ...at, turn: setImmediate });
      return kubernetesRuntime({ source, reviews, kept, lease, allocations, leads, server }, deps);
    },
  };
}
