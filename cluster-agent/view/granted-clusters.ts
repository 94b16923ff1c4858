import type { ExportGrant } from '@isthmus/api/domain/directive.ts';
import type { HubView } from './hub-view.ts';

/** The other clusters that may reach a service of this one, in order; none without a grant. */
export function grantedClusters(
  { members }: Pick<HubView, 'members'>,
  own: string,
  grant: ExportGrant | undefined,
): readonly string[] {
  if (!grant) return [];
  const all = new Set(grant.clusters);
  if (grant.members) for (const member of members.keys()) all.add(member);
  all.delete(own);
  return [...all].sort();
}
