// The cluster of an agent, as Kubernetes objects: in a folder, or behind an API server.

export interface ClusterShape {
  readonly pods: number;
  readonly services: number;
  readonly nodes: number;
  /** Where the applications of all pods in the mesh would listen; nothing does. */
  readonly application: string;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: object;
  readonly status?: object;
}

const servicesOfNamespace = 20;

export const proxyNamespace = 'istio-system';
export const proxyAccount = 'ztunnel';
export const outsideNamespace = 'outside';
export const proxyPod = (node: number): string => `z-${node}`;
export const nodeOfService = (service: number, nodes: number): number => service % nodes;
export const namespaceOf = (service: number): string => `shop-${Math.floor(service / servicesOfNamespace)}`;
export const serviceName = (service: number): string => `s-${service}`;
export const probedPod = (index: number): string => `probed-${index}`;
/** The name of its workload. */
export const probedUid = (index: number): string => `east//Pod/${outsideNamespace}/${probedPod(index)}`;

/** Namespaces, nodes and the nodes' proxies. */
export function clusterObjects({ services, nodes, application }: ClusterShape): readonly KubeObject[] {
  const namespaces = Math.ceil(services / servicesOfNamespace);
  return [
    namespaceObject(proxyNamespace, { 'topology.istio.io/network': 'network-east' }),
    namespaceObject(outsideNamespace, {}),
    ...Array.from({ length: namespaces }, (_, i) =>
      namespaceObject(namespaceOf(i * servicesOfNamespace), { 'istio.io/dataplane-mode': 'ambient' }),
    ),
    serviceObject(outsideNamespace, 'probed', true),
    ...Array.from({ length: nodes }, (_, node) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `n-${node}` },
    })),
    ...Array.from({ length: nodes }, (_, node) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: proxyPod(node),
        namespace: proxyNamespace,
        labels: { app: 'ztunnel' },
        annotations: { 'isthmus.io/app-address': application },
      },
      spec: { nodeName: `n-${node}`, serviceAccountName: proxyAccount, containers: [container] },
      status: { podIP: `10.1.0.${node + 1}` },
    })),
  ];
}

/** Each service with its pods, which are all on one node. */
export function* servicesWithPods(
  shape: ClusterShape,
  isHeadless: (service: number) => boolean,
): Generator<{ readonly name: string; readonly objects: readonly KubeObject[] }> {
  let pod = 0;
  for (let service = 0; service < shape.services; service++) {
    const [namespace, name] = [namespaceOf(service), serviceName(service)];
    const node = nodeOfService(service, shape.nodes);
    const objects = [serviceObject(namespace, name, isHeadless(service))];
    for (const end = Math.round(((service + 1) * shape.pods) / shape.services); pod < end; pod++)
      objects.push(podObject(shape, { namespace, app: name, node }, pod));
    yield { name, objects };
  }
}

/** A pod outside the mesh, whose readiness changes. */
export const probedObject = (index: number, podIP: string, withProbe: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: probedPod(index), namespace: outsideNamespace, labels: { app: 'probed' } },
  spec: { nodeName: 'n-0', containers: [{ ...container, ...withProbe }] },
  status: { podIP },
});

const container = { name: 'c', image: 'app' };

const namespaceObject = (name: string, labels: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

const serviceObject = (namespace: string, name: string, headless: boolean): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: {
    selector: { app: name },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    ...(headless && { clusterIP: 'None' }),
  },
});

interface Place {
  readonly namespace: string;
  readonly app: string;
  readonly node: number;
}

const podObject = (
  { application }: ClusterShape,
  { namespace, app, node }: Place,
  index: number,
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `p-${index}`,
    namespace,
    labels: { app, version: 'v1' },
    // As a node agent says that it has captured a pod, which counts where there is an API server.
    annotations: { 'isthmus.io/app-address': application, 'ambient.istio.io/redirection': 'enabled' },
  },
  spec: { nodeName: `n-${node}`, serviceAccountName: app, containers: [container] },
  status: {
    podIP: `10.${2 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`,
  },
});
