/** How new connections of one service choose among clusters. */
export interface TrafficPolicy {
  readonly kind: 'trafficPolicy';
  readonly namespace: string;
  readonly name: string;
  /** What must match for an endpoint to be near, most important first; empty: all clusters alike by capacity. */
  readonly localityOrder: readonly ('REGION' | 'ZONE' | 'CLUSTER')[];
  /** Where clients of region `from` go when theirs has nothing healthy, in order. */
  readonly regionFailover: readonly { readonly from: string; readonly to: string }[];
}
