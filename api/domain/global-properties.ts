/** A port of a protocol that the mesh does not carry. */
export interface OtherPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'UDP' | 'SCTP';
  readonly appProtocol: string;
}

/**
 * What a service declares as a whole to those who use it, beside its TCP ports (KEP-1645, "Global Properties"). Where
 * clusters that export one service differ, the oldest export counts.
 */
export interface GlobalProperties {
  /** Epoch milliseconds at which its export was created, or without a ServiceExport its Service; 0: without a time, the oldest. */
  readonly exportedAt: number;
  readonly headless: boolean;
  readonly otherPorts: readonly OtherPort[];
  /** Seconds for which a client stays at one endpoint (sessionAffinity ClientIP); 0: None. */
  readonly affinitySeconds: number;
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
  /** A word of Kubernetes; '': none. */
  readonly trafficDistribution: string;
}

/** One day, as the API server has it (ClientIPConfig.timeoutSeconds). */
export const maxAffinitySeconds = 86_400;
