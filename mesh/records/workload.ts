import type { TrustDomain } from '../identity/spiffe-id.ts';
import type { GatewayAddress } from './gateway-address.ts';
import type { Locality } from './locality.ts';
import type { ServiceKey } from './service.ts';

/** The name of a workload resource, e.g. `<cluster>//Pod/<namespace>/<name>` (Istio workload API). */
export type WorkloadUid = string;

export interface PortMapping {
  readonly servicePort: number;
  /** 0: the service's own target port applies. */
  readonly targetPort: number;
}

/** How bytes reach a workload. Where it is in another network, through its gateway. */
export type Transport = 'hbone' | 'istio-mtls' | 'plaintext';

/**
 * A workload as a proxy knows it: a pod, a gateway, or a split-horizon entry that stands for one service in another
 * cluster, locality and transport. Decoded once from `istio.workload.Workload`; never changed, only replaced.
 */
export interface Workload {
  readonly uid: WorkloadUid;
  readonly name: string;
  readonly namespace: string;
  /** Canonical text form of each IP address; empty for split-horizon entries. */
  readonly addresses: readonly string[];
  readonly network: string;
  readonly cluster: string;
  readonly node: string;
  readonly locality: Locality;
  readonly trustDomain: TrustDomain;
  readonly serviceAccount: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly workloadName: string;
  readonly workloadType: 'DEPLOYMENT' | 'CRONJOB' | 'POD' | 'JOB';
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly status: 'HEALTHY' | 'UNHEALTHY';
  /** Weight in a weighted choice; 1 unless the control plane said otherwise. */
  readonly capacity: number;
  readonly services: ReadonlyMap<ServiceKey, readonly PortMapping[]>;
  readonly waypoint: GatewayAddress | undefined;
  readonly networkGateway: GatewayAddress | undefined;
  /** Names of WORKLOAD_SELECTOR policies that apply. One that is named but unknown holds new connections. */
  readonly authorizationPolicies: readonly string[];

  // ---- what an upstream control plane cannot say, with what follows when it does not ----
  /** From tunnel_protocol alone: HBONE or plaintext. */
  readonly transport: Transport;
  /** Loopback capture: where the application listens; '' when the kernel captures. */
  readonly appAddress: string;
  readonly capturedPorts: readonly number[];
  /** Sniff Istio mTLS on plaintext ports. */
  readonly classicClients: boolean;
  readonly strict: boolean;
  /** A proxy of its own serves this pod: the node's ztunnel leaves it alone. */
  readonly sidecar: boolean;
  /** Peer names to expect when they are not this workload's own; empty means the workload's own. */
  readonly subjectAltNames: readonly string[];
  /** The gateway's port for SNI passthrough (15443), 0 when it has none. */
  readonly passthroughPort: number;
  /** This pod is an east-west gateway: bytes of other networks come from its address. */
  readonly eastWestGateway: boolean;
}
