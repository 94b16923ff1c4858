/** An admin's word that a service may be reached from other clusters: request and permission in one. */
export interface ServiceExport {
  readonly kind: 'serviceExport';
  readonly namespace: string;
  readonly name: string;
  /** Exporting clusters, at least one: those that were named, or all that were members when it was made. */
  readonly clusters: readonly string[];
}
