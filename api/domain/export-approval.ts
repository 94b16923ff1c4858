/**
 * Which clusters may export a service of one name by label. The hub records the cluster that exports a name first; an
 * operator approves others, so that no member joins an existing service unnoticed.
 */
export interface ExportApproval {
  readonly kind: 'exportApproval';
  readonly namespace: string;
  readonly name: string;
  /** At least one. */
  readonly clusters: readonly string[];
}

/** What happens when a second cluster exports an existing name by label: a warning, or nothing before an approval. */
export type ExportMode = 'open' | 'strict';
