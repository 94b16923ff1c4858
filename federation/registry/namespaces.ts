import { isLabel, labelRule } from '@isthmus/api/domain/names.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { err, ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refusal, refuse } from '../command/refuse.ts';
import { warning } from '../command/warning.ts';
import type { ClusterPayload } from './membership.ts';
import { auditSubject } from '../command/audit-subject.ts';

/** The list travels with every intermediate to every proxy of the federation, so it is short. */
export const maxNamespaces = 256;

/** What is wrong with a list of namespaces that a cluster may host; undefined stands for all of them. */
export function wrongNamespaces(namespaces: readonly string[] | undefined): readonly UserError[] {
  if (namespaces === undefined) return [];
  if (namespaces.length === 0)
    return [
      refusal('INVALID', 'namespaces', 'namespaces must not be empty: omit it to allow every namespace'),
    ];
  if (namespaces.length > maxNamespaces)
    return [
      refusal(
        'INVALID',
        'namespaces',
        `namespaces has ${namespaces.length} entries, at most ${maxNamespaces} are allowed: name fewer, or omit it to allow every namespace`,
      ),
    ];
  return namespaces.flatMap((name, i) => {
    const field = `namespaces.${i}`;
    if (!isLabel(name)) return [refusal('INVALID', field, `a namespace's name ${labelRule}`)];
    if (namespaces.indexOf(name) < i)
      return [refusal('INVALID', field, `namespace '${name}' is listed twice: list it once`)];
    return [];
  });
}

export interface SetClusterNamespaces {
  readonly cluster: string;
  /** undefined: every namespace. */
  readonly namespaces: readonly string[] | undefined;
}

/** Sets which namespaces' identities a cluster's intermediates may vouch for, at every proxy of the federation. */
export const setClusterNamespaces: Command<SetClusterNamespaces, ClusterPayload> = {
  name: 'setClusterNamespaces',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster, namespaces }, context) {
    const wrong = wrongNamespaces(namespaces);
    if (wrong.length > 0) return err(wrong);
    const stored = snapshot.intent.clusters.get(cluster);
    if (!stored)
      return refuse('NOT_FOUND', 'cluster', `no cluster '${cluster}' is known: isthmus clusters lists them`);
    const stale = checkRevision(context, stored.revision, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    const changed: Cluster = { ...stored.value, namespaces };
    const effect =
      namespaces === undefined
        ? `every proxy accepts identities of any namespace from ${cluster}`
        : `identities of ${cluster} in namespaces other than ${namespaces.join(', ')} are refused by every proxy`;
    return ok({
      subject: auditSubject('cluster', cluster),
      writes: [{ put: changed, id: cluster, expected: stored.revision }],
      payload: { cluster },
      warnings: [warning('IDENTITIES_ACCEPTED', 'namespaces', effect)],
    });
  },
};
