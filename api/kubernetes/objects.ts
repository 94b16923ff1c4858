import type { OtherPort } from '../domain/global-properties.ts';
import type { IpFamilies } from '@isthmus/mesh/records/service.ts';
import type { PolicyRule } from './policy-rule.ts';

/** Decoded foreign objects: only the fields that Isthmus acts on, checked once, never the raw object again. */
export interface Metadata {
  readonly name: string;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly uid: string;
  /** Epoch milliseconds of creationTimestamp; 0 without one. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Which edit of the spec it is. Only of kinds whose status says what was made of it, and only where an API has it. */
  readonly generation?: number;
}

export interface NamespaceObject {
  readonly kind: 'Namespace';
  readonly metadata: Metadata;
}

export interface NodeObject {
  readonly kind: 'Node';
  readonly metadata: Metadata;
  /** InternalIP, canonical text; '' when unset. */
  readonly address: string;
  /** From topology.kubernetes.io/region and /zone. */
  readonly region: string;
  readonly zone: string;
  /** From topology.istio.io/subzone. */
  readonly subzone: string;
}

export interface ServiceAccountObject {
  readonly kind: 'ServiceAccount';
  readonly metadata: Metadata;
}

export interface ServicePortSpec {
  readonly name: string;
  readonly port: number;
  /** Number, or the name of a container port. */
  readonly targetPort: number | string;
  readonly appProtocol: string;
}

export interface ServiceObject {
  readonly kind: 'Service';
  readonly metadata: Metadata;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty selects nothing: endpoints come from EndpointSlices. An ExternalName has none. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePortSpec[];
  /** Ports that the mesh does not carry, which other clusters receive as declared. */
  readonly otherPorts: readonly OtherPort[];
  /** Seconds for which a client stays at one endpoint, as written; 0: sessionAffinity is None. Proxies do not follow it. */
  readonly affinitySeconds: number;
  /** clusterIPs as written; `None` makes it headless. */
  readonly clusterIPs: readonly string[];
  readonly headless: boolean;
  readonly ipFamilies: IpFamilies;
  readonly publishNotReadyAddresses: boolean;
  /** spec.trafficDistribution, or ''; the annotation of Istio is in the metadata. */
  readonly trafficDistribution: string;
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
}

export interface EndpointSliceObject {
  readonly kind: 'EndpointSlice';
  readonly metadata: Metadata;
  /** From kubernetes.io/service-name. */
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly ready: boolean;
    readonly nodeName: string;
    readonly zone: string;
    /** `<namespace>/<name>` of the pod that it is, or ''. */
    readonly pod: string;
  }[];
}

export interface Probe {
  readonly kind: 'tcpSocket' | 'httpGet';
  /** 0, where nobody answers, when the container has no port of the name that is written. */
  readonly port: number;
  readonly path: string;
  readonly periodMillis: number;
  readonly timeoutMillis: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface ContainerPort {
  readonly name: string;
  readonly port: number;
}

export interface PodObject {
  readonly kind: 'Pod';
  readonly metadata: Metadata;
  readonly nodeName: string;
  /** '' means `default`. */
  readonly serviceAccount: string;
  /** The first of status.podIPs, '' when the source must allocate one. */
  readonly podIP: string;
  /** Those after it: the second address of a dual-stack pod. */
  readonly otherIPs: readonly string[];
  /** Where its application listens behind its proxy: its annotation, '' when the source must allocate it. */
  readonly appAddress: string;
  readonly hostNetwork: boolean;
  /** TCP ports of its containers, then of those init containers that go on (native sidecars). */
  readonly ports: readonly ContainerPort[];
  /** Of all containers: each has to succeed. */
  readonly readinessProbes: readonly Probe[];
  /** The Ready condition; undefined where the source owns it and has not probed yet. */
  readonly ready: boolean | undefined;
  /** It is terminating: it takes nothing new, and still opens connections. */
  readonly deleted: boolean;
  /** Succeeded or Failed: it has no processes, and its address may be another's. */
  readonly finished: boolean;
  /** The workload that it is one of: its Deployment, CronJob and so on, or itself. */
  readonly workloadName: string;
}

/** What a policy is for in place of selected workloads: a Service or a Gateway, whose waypoint enforces it. */
export interface TargetRef {
  /** '' for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** Istio's AuthorizationPolicy with all of its rules, including those that need L7. An agent reduces it for L4 proxies. */
export interface AuthorizationPolicyObject {
  readonly kind: 'AuthorizationPolicy';
  readonly metadata: Metadata;
  /** Empty selects every workload of the namespace, and of the mesh in the root namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly targets: readonly TargetRef[];
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** Of CUSTOM: the name of the extension that decides. */
  readonly provider: string | undefined;
  /** Alternatives. */
  readonly rules: readonly PolicyRule[];
  readonly dryRun: boolean;
}

export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthenticationObject {
  readonly kind: 'PeerAuthentication';
  readonly metadata: Metadata;
  /** NAMESPACE: for every workload of the namespace, and in the root namespace for the mesh. */
  readonly level: 'WORKLOAD' | 'NAMESPACE';
  /** Empty selects every workload of the namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly mode: MtlsMode;
  /** Modes of single ports of the workload (target ports), ordered by port. */
  readonly ports: ReadonlyMap<number, MtlsMode>;
}

/** MCS (KEP-1645): asks for the export of the Service of its name and namespace. */
export interface ServiceExportObject {
  readonly kind: 'ServiceExport';
  readonly metadata: Metadata;
}

/** The Gateway API's Gateway, with what is used of an east-west one. */
export interface GatewayObject {
  readonly kind: 'Gateway';
  readonly metadata: Metadata;
  readonly className: string;
  /** The network that it leads into, from topology.istio.io/network; '' when unset. */
  readonly network: string;
  /** Of its HBONE listener, and of its listener for SNI passthrough; 0 without one. */
  readonly hbonePort: number;
  readonly passthroughPort: number;
  /** Where it is reached: those of its status, else those of its spec. IP addresses, canonical text. */
  readonly addresses: readonly string[];
}

export interface GatewayClassObject {
  readonly kind: 'GatewayClass';
  readonly metadata: Metadata;
  /** Who implements the class, e.g. `istio.io/eastwest-controller`. */
  readonly controllerName: string;
}

/** What somebody wrote of something outside of pods that serves. */
export interface WrittenWorkload {
  /** Canonical text; '' where there is a host name, or nothing that can be dialled. */
  readonly address: string;
  /** In lower case; '' where there is an address. */
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  /** '' is that of the cluster. */
  readonly network: string;
  readonly locality: { readonly region: string; readonly zone: string; readonly subzone: string };
  /** At least 1. */
  readonly weight: number;
  /** '' means `default`. */
  readonly serviceAccount: string;
  /** By the names of a service's ports, or of its target ports. */
  readonly ports: ReadonlyMap<string, number>;
}

/** Istio's WorkloadEntry: a workload outside of pods. */
export interface WorkloadEntryObject {
  readonly kind: 'WorkloadEntry';
  readonly metadata: Metadata;
  readonly workload: WrittenWorkload;
  /** It takes HBONE itself. */
  readonly hbone: boolean;
  readonly healthy: boolean;
}

/** Istio's ServiceEntry: hosts that are no Service, and what serves them. */
export interface ServiceEntryObject {
  readonly kind: 'ServiceEntry';
  readonly metadata: Metadata;
  /** In lower case, sorted; one may begin with `*.`. None where nobody sees the entry. */
  readonly hosts: readonly string[];
  /** Virtual addresses of the hosts; `prefix` is set for a block. */
  readonly addresses: readonly { readonly address: string; readonly prefix: number | undefined }[];
  readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: number }[];
  /** NONE: connections go where the client dials. DNS: names are resolved at each connection. */
  readonly resolution: 'NONE' | 'STATIC' | 'DNS';
  /** Each address once. */
  readonly endpoints: readonly WrittenWorkload[];
  /** Labels of pods and WorkloadEntries that serve it; empty selects nothing. */
  readonly selector: Readonly<Record<string, string>>;
  /** Its endpoints take HBONE themselves. */
  readonly hbone: boolean;
  readonly visibility: 'PUBLIC' | 'NAMESPACE';
  /** SPIFFE IDs. */
  readonly subjectAltNames: readonly string[];
}

export type ClusterObject =
  | NamespaceObject
  | NodeObject
  | ServiceAccountObject
  | ServiceObject
  | EndpointSliceObject
  | PodObject
  | AuthorizationPolicyObject
  | PeerAuthenticationObject
  | ServiceExportObject
  | GatewayObject
  | GatewayClassObject
  | WorkloadEntryObject
  | ServiceEntryObject;

/** The key of an object within one cluster: `<kind>/<namespace>/<name>`. */
export const objectId = (kind: string, metadata: { namespace: string; name: string }): string =>
  `${kind}/${metadata.namespace}/${metadata.name}`;

/** What an id of `objectId` names; undefined for other text, such as the name of a file. */
export function parseObjectId(
  id: string,
): { readonly kind: string; readonly namespace: string; readonly name: string } | undefined {
  const [kind = '', namespace = '', name = '', ...rest] = id.split('/');
  return kind === '' || name === '' || rest.length > 0 ? undefined : { kind, namespace, name };
}
