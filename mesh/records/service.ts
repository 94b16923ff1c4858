import type { GatewayAddress } from './gateway-address.ts';

/** `<namespace>/<hostname>`, the name of a service resource (Istio workload API). */
export type ServiceKey = string;

export type Scope = 'REGION' | 'ZONE' | 'SUBZONE' | 'NODE' | 'CLUSTER' | 'NETWORK';

/** Of which families a service has addresses. A headless one has no addresses that would say it. */
export type IpFamilies = 'AUTOMATIC' | 'IPV4_ONLY' | 'IPV6_ONLY' | 'DUAL';

export interface ServicePort {
  readonly servicePort: number;
  /** 0: a named port, which each endpoint resolves. */
  readonly targetPort: number;
}

/** A virtual IP in one network; `prefix` is set for a CIDR. */
export interface NetworkAddress {
  readonly network: string;
  readonly address: string;
  readonly prefix: number | undefined;
}

/** A service as a proxy knows it. Decoded once from `istio.workload.Service`; never changed, only replaced. */
export interface Service {
  readonly key: ServiceKey;
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly addresses: readonly NetworkAddress[];
  readonly ports: readonly ServicePort[];
  /** SPIFFE IDs that may answer for the service beside the chosen workload's own. */
  readonly subjectAltNames: readonly string[];
  readonly waypoint: GatewayAddress | undefined;
  readonly routingPreference: readonly Scope[];
  readonly mode: 'UNSPECIFIED' | 'STRICT' | 'FAILOVER' | 'PASSTHROUGH';
  readonly healthPolicy: 'ONLY_HEALTHY' | 'ALLOW_ALL';
  readonly canonical: boolean;
  readonly visibility: 'PUBLIC' | 'NAMESPACE';
  readonly ipFamilies: IpFamilies;

  // ---- ours ----
  /** May be reached from other networks through this network's gateway. */
  readonly exported: boolean;
  /** Clusters whose identities the export's grant covers. */
  readonly grantedClusters: readonly string[];
  /** Clusters that this network's clients have left for good: what they still have open there ends. */
  readonly leftClusters: readonly string[];
  /** Has a name of the clusterset too (`<name>.<namespace>.svc.clusterset.local`, KEP-1645). */
  readonly inClusterset: boolean;
}
