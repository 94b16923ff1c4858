/** An admin's word that a service may be reached from other clusters: request and permission in one. */
export interface ServiceExport {
  readonly kind: 'serviceExport';
  readonly namespace: string;
  readonly name: string;
  /** Exporting clusters; empty: every cluster that has it. */
  readonly clusters: readonly string[];
}
