import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import type { IssuedRecord } from '@isthmus/cluster-agent/health/issued-certificates.ts';
import { judge, type Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { Presence } from '@isthmus/cluster-agent/health/presence.ts';
import type { Surroundings } from '@isthmus/cluster-agent/health/surroundings.ts';
import type { Health, Streams } from '@isthmus/cluster-agent/health/tracker.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

interface Deps {
  readonly streams: Streams;
  readonly issued: IssuedRecord;
  readonly isRevoked: (issuer: string) => boolean;
  readonly clock: Clock;
}

/** The health of pods as an agent found it before it followed changes: every pod is judged each time. */
export class WholeHealth {
  readonly #deps: Deps;
  readonly #presence = new Presence<ClientId>();
  #proven: ReadonlyMap<string, ClientId> = new Map();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  opened(id: ClientId): void {
    this.#presence.opened(id);
  }

  lost(id: ClientId): void {
    this.#presence.lost(id, this.#deps.clock.monotonic());
  }

  assess(pods: readonly PodObject[], around: Surroundings): Health {
    const { streams, issued, isRevoked, clock } = this.#deps;
    const monotonic = clock.monotonic();
    const proxies = {
      contact: (id: ClientId) => this.#presence.contact(id, monotonic),
      held: (id: ClientId) => this.#presence.held(id, monotonic),
      acknowledged: (id: ClientId, uid: string) => streams.acknowledged(id, uid),
      returned: (id: ClientId) => streams.returned(id),
      shown: (id: ClientId, identity: string) => streams.shown(id, identity),
      lastProvenBy: (uid: string) => this.#proven.get(uid),
    };
    const of = (pod: PodObject): Verdict => judge(pod, around, proxies, { issued, isRevoked }, clock.now());
    const verdicts = new Map(pods.map((pod) => [pod, of(pod)]));
    const next = new Map<string, ClientId>();
    for (const [{ metadata }, { provenBy, problem }] of verdicts) {
      const last = problem && problem.cause !== 'NOT_READY' ? undefined : this.#proven.get(metadata.uid);
      const by = provenBy ?? last;
      if (by !== undefined) next.set(metadata.uid, by);
    }
    this.#proven = next;
    return { of: (pod) => verdicts.get(pod) ?? of(pod), problems: new Problems() };
  }
}
