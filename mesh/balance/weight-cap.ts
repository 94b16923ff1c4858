/**
 * Groups of one service in one cluster as others weigh them: together at most `most` healthy endpoints, in the
 * proportion in which the cluster reports them. A group with a healthy endpoint keeps one. The same array when nothing
 * exceeds the cap.
 */
export function capped<G extends { readonly healthy: number }>(
  groups: readonly G[],
  max: number,
): readonly G[] {
  const healthy = groups.reduce((sum, group) => sum + group.healthy, 0);
  if (healthy <= max) return groups;
  return groups.map((group) =>
    group.healthy === 0
      ? group
      : { ...group, healthy: Math.max(1, Math.floor((group.healthy * max) / healthy)) },
  );
}
