import fc from 'fast-check';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import {
  objectId,
  type AuthorizationPolicyObject,
  type ClusterObject,
  type EndpointSliceObject,
  type GatewayClassObject,
  type GatewayObject,
  type Metadata,
  type NamespaceObject,
  type NodeObject,
  type PeerAuthenticationObject,
  type PodObject,
  type ServiceEntryObject,
  type ServiceExportObject,
  type ServiceObject,
  type WorkloadEntryObject,
} from '@isthmus/api/kubernetes/objects.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { aRejection } from './cluster.ts';
import { anything, ofRequests, ofRequestsToPort } from './written-rules.ts';

// Small pools, so that objects often meet: come again, share labels and nodes, and name one another.
const namespaces = ['istio-system', 'shop', 'bank'] as const;
const nodes = ['n-0', 'n-1', 'n-2', 'n-3'] as const;
const someNode = fc.constantFrom('', ...nodes);
const someNamespace = fc.constantFrom(...namespaces);
const upTo = (prefix: string, count: number) =>
  fc.constantFrom(...Array.from({ length: count }, (_, i) => `${prefix}-${i}`));

/** Few labels of few values; some have what Istio reads. */
const labels: fc.Arbitrary<Record<string, string>> = fc
  .record(
    { app: fc.constantFrom('cart', 'pay'), tier: fc.constantFrom('web', 'db'), v: fc.constantFrom('1', '2') },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map((found) => ({ ...found }));

const withMode = (keys: Record<string, readonly string[]>): fc.Arbitrary<Record<string, string>> =>
  fc
    .tuple(
      ...Object.entries(keys).map(([key, values]) =>
        fc.option(fc.constantFrom(...values).map((value) => [key, value] as const)),
      ),
    )
    .map((found) => Object.fromEntries(found.filter((one) => one !== null)));

const metadata = (
  namespace: fc.Arbitrary<string>,
  name: fc.Arbitrary<string>,
  of: fc.Arbitrary<Record<string, string>> = labels,
): fc.Arbitrary<Metadata> =>
  fc.record(
    {
      namespace,
      name,
      uid: fc.constantFrom('u-1', 'u-2'),
      createdAt: fc.constantFrom(0, 1000, 2000),
      labels: of,
      annotations: fc.constant({}),
    },
    { noNullPrototype: true },
  );

const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true });

const namespace = record<NamespaceObject>({
  kind: fc.constant('Namespace'),
  metadata: metadata(
    fc.constant(''),
    someNamespace,
    withMode({
      'istio.io/dataplane-mode': ['ambient', 'none', 'ambiant'],
      'istio-injection': ['enabled', 'disabled'],
      'topology.istio.io/network': ['net-1', 'net-2'],
    }),
  ),
});

const node = record<NodeObject>({
  kind: fc.constant('Node'),
  metadata: metadata(fc.constant(''), fc.constantFrom(...nodes)),
  address: fc.constant(''),
  region: fc.constantFrom('region-a', 'region-b'),
  zone: fc.constantFrom('a-1', 'a-2'),
  subzone: fc.constant(''),
});

const ports = fc.constantFrom(
  [{ name: 'http', port: 8080 }],
  [{ name: 'http', port: 8081 }],
  [{ name: 'grpc', port: 9090 }],
  [],
);

const pod = record<PodObject>({
  kind: fc.constant('Pod'),
  metadata: metadata(
    someNamespace,
    upTo('pod', 4),
    fc
      .tuple(
        labels,
        withMode({ 'istio.io/dataplane-mode': ['ambient', 'none'], 'sidecar.istio.io/inject': ['true'] }),
      )
      .map(([own, mode]) => ({ ...own, ...mode })),
  ),
  nodeName: someNode,
  serviceAccount: fc.constantFrom('', 'cart', 'ztunnel'),
  podIP: fc.constantFrom('', '10.0.0.1', '10.0.0.2'),
  otherIPs: fc.constant([]),
  appAddress: fc.constant(''),
  hostNetwork: fc.constantFrom(false, false, false, true),
  ports,
  readinessProbes: fc.constant([]),
  ready: fc.constantFrom(true, false),
  deleted: fc.constantFrom(false, false, true),
  finished: fc.constantFrom(false, false, false, true),
  workloadName: fc.constant('cart'),
});

const service = record<ServiceObject>({
  kind: fc.constant('Service'),
  metadata: metadata(
    someNamespace,
    upTo('service', 5),
    withMode({ 'topology.istio.io/network': ['net-1', 'net-2'], 'istio.io/global': ['true'] }),
  ),
  type: fc.constantFrom('ClusterIP', 'ClusterIP', 'ClusterIP', 'ExternalName'),
  selector: fc.oneof(labels, fc.constant({})),
  ports: fc.constantFrom(
    [{ name: 'http', port: 80, targetPort: 8080, appProtocol: '' }],
    [{ name: 'http', port: 80, targetPort: 'http', appProtocol: '' }],
    [
      { name: 'http', port: 80, targetPort: 'http', appProtocol: '' },
      { name: 'grpc', port: 90, targetPort: 'grpc', appProtocol: '' },
    ],
  ),
  clusterIPs: fc.constantFrom([], ['10.96.0.1'], ['10.96.0.1', 'fd00::1'], ['10.96.0.2']),
  headless: fc.constantFrom(false, false, true),
  otherPorts: fc.constantFrom([], [], [{ name: 'dns', port: 53, protocol: 'UDP' as const, appProtocol: '' }]),
  affinitySeconds: fc.constantFrom(0, 0, 60),
  ipFamilies: fc.constantFrom('AUTOMATIC' as const, 'IPV4_ONLY' as const, 'DUAL' as const),
  publishNotReadyAddresses: fc.constantFrom(false, false, true),
  trafficDistribution: fc.constantFrom('', 'PreferSameZone'),
  internalTrafficPolicy: fc.constantFrom('Cluster', 'Cluster', 'Local'),
});

const slice = record<EndpointSliceObject>({
  kind: fc.constant('EndpointSlice'),
  metadata: metadata(someNamespace, upTo('slice', 4)),
  service: upTo('service', 5),
  ports,
  endpoints: fc.array(
    record<EndpointSliceObject['endpoints'][number]>({
      addresses: fc.constantFrom(['10.1.0.1'], ['10.1.0.1', '10.1.0.2']),
      ready: fc.boolean(),
      nodeName: someNode,
      zone: fc.constantFrom('', 'a-2'),
      pod: fc.oneof(
        fc.constant(''),
        fc.tuple(someNamespace, upTo('pod', 4)).map(([where, name]) => `${where}/${name}`),
      ),
    }),
    { maxLength: 3 },
  ),
});

const authorization = record<AuthorizationPolicyObject>({
  kind: fc.constant('AuthorizationPolicy'),
  metadata: metadata(someNamespace, upTo('policy', 3)),
  selector: fc.oneof(labels, fc.constant({})),
  targets: fc.constantFrom([], [], [], [{ group: '', kind: 'Service', name: 'service-0' }]),
  action: fc.constantFrom('ALLOW', 'DENY', 'AUDIT'),
  provider: fc.constant(undefined),
  rules: fc.constantFrom([], [anything], [ofRequests], [ofRequestsToPort]),
  dryRun: fc.constantFrom(false, false, true),
});

const peer = record<PeerAuthenticationObject>({
  kind: fc.constant('PeerAuthentication'),
  metadata: metadata(someNamespace, upTo('peer', 2)),
  level: fc.constantFrom('WORKLOAD', 'NAMESPACE'),
  selector: fc.oneof(labels, fc.constant({})),
  mode: fc.constantFrom('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'),
  ports: fc.constantFrom(
    new Map(),
    new Map([[8080, 'STRICT' as const]]),
    new Map([[8080, 'DISABLE' as const]]),
  ),
});

const serviceExport = record<ServiceExportObject>({
  kind: fc.constant('ServiceExport'),
  metadata: metadata(someNamespace, upTo('service', 5), fc.constant({})),
});

const workloadEntry = record<WorkloadEntryObject>({
  kind: fc.constant('WorkloadEntry'),
  metadata: metadata(someNamespace, upTo('entry', 3), fc.constant({})),
  workload: record<WorkloadEntryObject['workload']>({
    address: fc.constantFrom('', '10.2.0.1'),
    hostname: fc.constant(''),
    labels,
    network: fc.constant(''),
    locality: fc.constant({ region: '', zone: '', subzone: '' }),
    weight: fc.constantFrom(1, 2),
    serviceAccount: fc.constant(''),
    ports: fc.constantFrom(new Map(), new Map([['http', 8080]])),
  }),
  hbone: fc.boolean(),
  healthy: fc.boolean(),
});

const serviceEntry = record<ServiceEntryObject>({
  kind: fc.constant('ServiceEntry'),
  metadata: metadata(someNamespace, upTo('entry', 3), fc.constant({})),
  hosts: fc.subarray([
    'api.example.com',
    'service-0.shop.svc.cluster.local',
    'service-1.shop.svc.cluster.local',
  ]),
  addresses: fc.constantFrom([], [{ address: '240.1.0.1', prefix: undefined }]),
  ports: fc.constantFrom([], [{ name: 'http', port: 80, targetPort: 8080 }]),
  resolution: fc.constantFrom('NONE', 'STATIC', 'DNS'),
  endpoints: fc.constant([]),
  selector: fc.oneof(labels, fc.constant({})),
  hbone: fc.boolean(),
  visibility: fc.constantFrom('PUBLIC', 'NAMESPACE'),
  subjectAltNames: fc.constant([]),
});

const gateway = record<GatewayObject>({
  kind: fc.constant('Gateway'),
  metadata: metadata(fc.constantFrom('istio-system', 'shop'), upTo('service', 5), fc.constant({})),
  className: fc.constantFrom('istio-east-west', 'istio-waypoint', 'own'),
  network: fc.constantFrom('', 'net-1'),
  hbonePort: fc.constantFrom(0, 15_008),
  passthroughPort: fc.constantFrom(0, 15_443),
  addresses: fc.constantFrom([], ['192.0.2.1'], ['10.0.0.1', '192.0.2.2']),
});

const gatewayClass = record<GatewayClassObject>({
  kind: fc.constant('GatewayClass'),
  metadata: metadata(fc.constant(''), fc.constantFrom('istio-east-west', 'own'), fc.constant({})),
  controllerName: fc.constantFrom('istio.io/eastwest-controller', 'example.com/other'),
});

const object: fc.Arbitrary<ClusterObject> = fc.oneof(
  { weight: 2, arbitrary: namespace },
  { weight: 2, arbitrary: node },
  { weight: 8, arbitrary: pod },
  { weight: 4, arbitrary: service },
  { weight: 3, arbitrary: slice },
  { weight: 3, arbitrary: authorization },
  { weight: 2, arbitrary: peer },
  { weight: 2, arbitrary: serviceExport },
  { weight: 2, arbitrary: workloadEntry },
  { weight: 3, arbitrary: serviceEntry },
  { weight: 2, arbitrary: gateway },
  { weight: 1, arbitrary: gatewayClass },
);

const rejections: fc.Arbitrary<readonly Rejection[]> = fc.array(
  fc
    .tuple(fc.constantFrom('ERROR', 'WARNING', 'INFO'), fc.nat(30))
    .map(([severity, line]) => aRejection({ severity, line })),
  { maxLength: 20 },
);

const event: fc.Arbitrary<SourceEvent> = fc.oneof(
  {
    weight: 12,
    arbitrary: object.map((one): SourceEvent => ({
      type: 'upsert',
      id: objectId(one.kind, one.metadata),
      object: one,
    })),
  },
  {
    weight: 4,
    arbitrary: object.map(({ kind, metadata: of }): SourceEvent => ({
      type: 'remove',
      id: objectId(kind, of),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a.yaml', 'b.yaml'), rejections)
      .map(([origin, all]): SourceEvent => ({ type: 'rejections', origin, rejections: all })),
  },
);

/** What a source may say at once about a small cluster: objects that come, change and go. */
export const someBatch = (maxLength = 8): fc.Arbitrary<readonly SourceEvent[]> =>
  fc.array(event, { minLength: 1, maxLength });
