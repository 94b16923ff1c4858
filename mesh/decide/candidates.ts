import { rank } from '../balance/rank.ts';
import { weightedDraw } from '../balance/weighted-order.ts';
import type { Random } from '../process/random.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';

export interface Candidate {
  readonly workload: Workload;
  /** Higher is nearer. */
  readonly nearness: number;
}

/**
 * The endpoints of a service that a client may use, best first: the nearest rank in a random order by capacity, then
 * the next ranks. Drawn as they are asked for. An entry that stands for others counts as one, with its capacity.
 */
export function* candidates(
  state: MeshState,
  client: Workload,
  service: Service,
  random: Random,
): Generator<Candidate, undefined> {
  const byRank = Map.groupBy(
    state.endpointsOf(service).flatMap((workload): readonly Candidate[] => {
      const nearness = rank(service, client, workload);
      return nearness === undefined ? [] : [{ workload, nearness }];
    }),
    ({ nearness }) => nearness,
  );
  for (const nearness of [...byRank.keys()].sort((a, b) => b - a))
    yield* weightedDraw(byRank.get(nearness) ?? [], ({ workload }) => workload.capacity, random);
}
