import { parseSubject, type ClusterName, type ServiceKey } from '@isthmus/api/domain/names.ts';
import { conditionsTouchedBy, shownBy } from '../conditions/shown.ts';
import { touches, written, writtenServices, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';

/** Which parts of the findings may be others. It may name more than differ. */
export interface Marks {
  readonly clusters: ReadonlySet<ClusterName>;
  readonly services: ReadonlySet<ServiceKey>;
  /** `ALL`: a cluster is another member than before. */
  readonly policies: ReadonlySet<string> | 'ALL';
  readonly trust: boolean;
  readonly force: boolean;
}

/** The parts that a change marks. What agents refuse is not in it: it has no names in a change. */
export function markedBy(changes: ChangeSet, now: Now): Marks {
  const clusters = written(changes, 'cluster');
  return {
    clusters: new Set([
      ...(changes.hub.has('outside') ? now.intent.clusters.keys() : []),
      ...shownBy(changes),
      ...conditionsTouchedBy(changes, now),
      ...ofTokens(changes, now),
    ]),
    services: new Set([
      ...[...changes.services.values()].flatMap((keys) => [...keys]),
      ...writtenServices(changes, 'serviceExport', 'exportApproval', 'trafficPolicy'),
      ...[...clusters.keys()].flatMap((cluster) => [...(now.observed.get(cluster)?.services.keys() ?? [])]),
    ]),
    policies:
      clusters.size > 0 ? 'ALL' : new Set([...written(changes, 'accessPolicy').keys(), ...applied(changes)]),
    trust: touches(changes, 'cluster', 'intermediate', 'trustDomain'),
    force: touches(changes, 'cluster', 'failover', 'operation'),
  };
}

/** A cluster that has not joined is shown with its join tokens. */
const ofTokens = (changes: ChangeSet, { intent }: Now): readonly ClusterName[] =>
  [...written(changes, 'joinToken')].flatMap(([id, before]) =>
    [before?.value, intent.joinTokens.get(id)?.value].flatMap((token) => (token ? [token.cluster] : [])),
  );

const applied = ({ applied: subjects }: ChangeSet): readonly string[] =>
  [...subjects.keys()].flatMap((subject) => {
    const parsed = parseSubject(subject);
    return parsed?.type === 'policy' ? [parsed.name] : [];
  });
