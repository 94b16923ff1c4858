import type { SubjectType } from '@isthmus/api/domain/names.ts';
import type { Replica } from '../../federation/observation/replica.ts';

/** The only replica of an agent, or one of several. It holds everything unless `held` says what. */
export const aReplica = (over: Partial<Replica> = {}): Replica => ({
  id: 'main',
  agentVersion: '1',
  leads: true,
  since: 1,
  isWhole: true,
  held: { holds: () => true, outstanding: () => [] },
  ...over,
});

/** A follower that holds these versions, by `<type>/<name>`. */
export const aFollower = (id: string, versions: ReadonlyMap<string, string>): Replica =>
  aReplica({
    id,
    leads: false,
    held: {
      holds: (type: SubjectType, name, version) => versions.get(`${type}/${name}`) === version,
      outstanding: () => [],
    },
  });
