import fc from 'fast-check';
import type { OtherPort } from '@isthmus/api/domain/global-properties.ts';
import type {
  ClusterObject,
  Metadata,
  MtlsMode,
  ServiceEntryObject,
  TargetRef,
  WrittenWorkload,
} from '@isthmus/api/kubernetes/objects.ts';
import type { PolicyRule } from '@isthmus/api/kubernetes/policy-rule.ts';
import { anything, ofRequests, ofRequestsToPort } from './written-rules.ts';

export const one = fc.constantFrom;
export const rarely = <T>(common: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: rare });
export const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

export const namespaces = ['istio-system', 'shop', 'bank'] as const;
const apps = ['cart', 'front', 'pay'] as const;
export const serviceNames = ['cart', 'cart-a', 'front', 'pay', 'db'] as const;
export const accounts = ['default', 'cart', 'ztunnel'] as const;
export const places = ['a', 'b'] as const;
/** `<namespace>/<name>` */
export const podNames = [
  ...['istio-system/z1', 'istio-system/z2', 'istio-system/z3', 'istio-system/gw'],
  ...['shop/p1', 'shop/p2', 'shop/p3', 'shop/p4', 'bank/p1', 'bank/p2', 'bank/p3', 'bank/p4'],
];
const nodes = ['n1', 'n2', 'n3', 'n4'] as const;

const labels = fc
  .tuple(
    rarely('cart', one(...apps)),
    rarely(undefined, one('v1', 'v2')),
    rarely(undefined, one('ambient', 'none', 'ambiant')),
    rarely(undefined, one('true', 'false', 'yes')),
  )
  .map(([app, version, mode, inject]) => ({
    app,
    ...(version !== undefined && { version }),
    ...(mode !== undefined && { 'istio.io/dataplane-mode': mode }),
    ...(inject !== undefined && { 'sidecar.istio.io/inject': inject }),
  }));

const selector = fc.oneof(
  one(...apps).map((app): Record<string, string> => ({ app })),
  fc.tuple(one(...apps), one('v1', 'v2')).map(([app, version]): Record<string, string> => ({ app, version })),
);
export const maybeSelector = fc.oneof(selector, fc.constant({}));

const metadata = (
  namespace: fc.Arbitrary<string>,
  name: fc.Arbitrary<string>,
  more: {
    readonly labels?: fc.Arbitrary<Metadata['labels']>;
    readonly annotations?: fc.Arbitrary<Metadata['annotations']>;
  } = {},
): fc.Arbitrary<Metadata> =>
  fc
    .tuple(namespace, name, fc.nat(2), more.labels ?? fc.constant({}), more.annotations ?? fc.constant({}))
    .map(([inNamespace, named, createdAt, ownLabels, annotations]) => ({
      namespace: inNamespace,
      name: named,
      uid: `u-${inNamespace}-${named}-${createdAt}`,
      createdAt,
      labels: ownLabels,
      annotations,
    }));

const distributionWord = 'networking.istio.io/traffic-distribution';
const namespace = fc
  .tuple(
    metadata(fc.constant(''), one(...namespaces)),
    rarely<Metadata['labels']>(
      { 'istio.io/dataplane-mode': 'ambient' },
      one({}, { 'istio.io/dataplane-mode': 'off' }, { 'istio-injection': 'enabled' }),
    ),
    fc.boolean(),
    rarely<string | undefined>(undefined, one('PreferClose')),
  )
  .map(([meta, own, networked, preference]): ClusterObject => ({
    kind: 'Namespace',
    metadata: {
      ...meta,
      labels: {
        ...own,
        ...(networked && meta.name === 'istio-system' && { 'topology.istio.io/network': 'network-east' }),
      },
      annotations: preference === undefined ? {} : { [distributionWord]: preference },
    },
  }));

const node = record({
  kind: fc.constant('Node' as const),
  metadata: metadata(fc.constant(''), one(...nodes)),
  address: fc.constant(''),
  region: one(...places),
  zone: one('', ...places),
  subzone: fc.constant(''),
});

const pod = fc
  .tuple(
    one(...podNames),
    metadata(fc.constant(''), fc.constant('')),
    labels,
    record({
      nodeName: rarely<string>('n1', one('', ...nodes)),
      serviceAccount: one(...accounts),
      podIP: rarely('10.0.0.1', fc.constant('')),
      hostNetwork: rarely(false, fc.constant(true)),
      ready: rarely<boolean | undefined>(true, one(false, undefined)),
      deleted: rarely(false, fc.constant(true)),
      finished: rarely(false, fc.constant(true)),
    }),
    one(
      [],
      [{ name: 'web', port: 8080 }],
      [
        { name: 'web', port: 9090 },
        { name: 'data', port: 7000 },
      ],
    ),
  )
  .map(([key, meta, own, rest, ports]): ClusterObject => {
    const [inNamespace = '', name = ''] = key.split('/');
    const isZtunnel = name.startsWith('z');
    return {
      kind: 'Pod',
      metadata: {
        ...meta,
        namespace: inNamespace,
        name,
        uid: `u-${inNamespace}-${name}-${meta.createdAt}`,
        labels: name === 'gw' ? { app: 'gw' } : own,
      },
      ...rest,
      serviceAccount: isZtunnel ? 'ztunnel' : rest.serviceAccount,
      ready: rest.deleted ? false : rest.ready,
      otherIPs: [],
      appAddress: '',
      ports,
      readinessProbes: [],
      workloadName: name,
    };
  });

const service = fc
  .tuple(
    fc.oneof(
      metadata(rarely('shop', one('bank')), rarely('cart', one(...serviceNames)), {
        labels: one<Metadata['labels']>({}, { 'istio.io/global': 'true' }),
      }),
      metadata(fc.constant('istio-system'), fc.constant('gw'), {
        labels: one<Metadata['labels']>({}, { 'topology.istio.io/network': 'network-east' }),
      }),
    ),
    maybeSelector,
    rarely<'ClusterIP' | 'ExternalName'>('ClusterIP', fc.constant('ExternalName')),
    record({
      ports: one(
        [{ name: 'http', port: 80, targetPort: 8080, appProtocol: '' }],
        [{ name: 'http', port: 80, targetPort: 'web', appProtocol: '' }],
        [
          { name: 'data', port: 70, targetPort: 'data', appProtocol: '' },
          { name: 'http', port: 81, targetPort: 'web', appProtocol: '' },
        ],
      ),
      headless: fc.boolean(),
      otherPorts: rarely<OtherPort[]>(
        [],
        fc.constant([{ name: 'dns', port: 53, protocol: 'UDP', appProtocol: '' }]),
      ),
      affinitySeconds: rarely(0, fc.constant(60)),
      ipFamilies: fc.constantFrom('AUTOMATIC', 'IPV4_ONLY', 'IPV6_ONLY', 'DUAL'),
      // Two services may say the same one for a moment.
      clusterIPs: one<string[]>([], ['10.96.0.1'], ['10.96.0.1', 'fd00::1'], ['10.96.0.2']),
      publishNotReadyAddresses: rarely(false, fc.constant(true)),
      trafficDistribution: rarely('', fc.constant('PreferSameZone')),
      internalTrafficPolicy: rarely<'Cluster' | 'Local'>('Cluster', fc.constant('Local')),
    }),
  )
  .map(([meta, selects, type, rest]): ClusterObject => ({
    kind: 'Service',
    metadata: meta,
    type,
    selector: type === 'ExternalName' ? {} : meta.name === 'gw' ? { app: 'gw' } : selects,
    ...rest,
    clusterIPs: type === 'ExternalName' || rest.headless ? [] : rest.clusterIPs,
  }));

const slice = record({
  kind: fc.constant('EndpointSlice' as const),
  metadata: metadata(rarely('shop', one('bank')), one('s1', 's2')),
  service: rarely<string>('cart', one(...serviceNames)),
  ports: one(
    [{ name: 'http', port: 8081 }],
    [
      { name: 'data', port: 7001 },
      { name: 'http', port: 8082 },
    ],
  ),
  endpoints: fc.array(
    record({
      addresses: one(['10.9.0.1'], ['10.9.0.2', '10.9.0.3']),
      ready: fc.boolean(),
      nodeName: one('', ...nodes),
      zone: one('', 'b'),
      pod: one('', ...podNames.slice(4)),
    }),
    { maxLength: 3 },
  ),
});

const authorization = record({
  kind: fc.constant('AuthorizationPolicy' as const),
  metadata: metadata(one(...namespaces), one('a', 'b')),
  selector: maybeSelector,
  targets: rarely<TargetRef[]>([], fc.constant([{ group: '', kind: 'Service', name: 'cart' }])),
  action: rarely<'ALLOW' | 'DENY' | 'AUDIT'>('ALLOW', one('DENY', 'AUDIT')),
  provider: fc.constant(undefined),
  rules: one<PolicyRule[]>([], [anything], [ofRequests], [ofRequestsToPort]),
  dryRun: fc.boolean(),
});

const mtls = one<MtlsMode[]>('UNSET', 'PERMISSIVE', 'STRICT');
const peer = fc
  .tuple(
    metadata(one(...namespaces), one('a', 'b')),
    maybeSelector,
    mtls,
    one([], [[8080, 'PERMISSIVE' as const]], [[8080, 'STRICT' as const]]),
  )
  .map(([meta, selects, mode, ports]): ClusterObject => {
    const level = Object.keys(selects).length > 0 ? 'WORKLOAD' : 'NAMESPACE';
    return {
      kind: 'PeerAuthentication',
      metadata: meta,
      level,
      selector: selects,
      mode,
      ports: new Map((level === 'WORKLOAD' ? ports : []) as [number, MtlsMode][]),
    };
  });

const serviceExport = record({
  kind: fc.constant('ServiceExport' as const),
  metadata: metadata(rarely('shop', one('bank')), one(...serviceNames)),
});

const written = record<WrittenWorkload>({
  address: rarely('10.8.0.1', one('', '10.8.0.2')),
  hostname: fc.constant(''),
  labels,
  network: rarely('', one('network-east', 'network-b')),
  locality: one({ region: '', zone: '', subzone: '' }, { region: 'a', zone: 'b', subzone: 'c' }),
  weight: one(1, 3),
  serviceAccount: one('', ...accounts),
  ports: one(new Map(), new Map([['web', 8080]]), new Map([['http', 8081]])),
}).map((one) => (one.address === '' ? { ...one, hostname: 'vm.example.com' } : one));

const workloadEntry = record({
  kind: fc.constant('WorkloadEntry' as const),
  metadata: metadata(rarely('shop', one('bank')), one('w1', 'w2', 'w3')),
  workload: written,
  hbone: rarely(false, one(true)),
  healthy: rarely(true, one(false)),
});

const serviceEntry = fc
  .tuple(
    metadata(rarely('shop', one('bank')), one('e1', 'e2', 'e3'), {
      annotations: rarely<Metadata['annotations']>({}, one({ [distributionWord]: 'PreferSameNode' })),
    }),
    record({
      hosts: fc.subarray(
        ['api.example.com', '*.example.com', 'cart.shop.svc.cluster.local', 'pay.bank.svc.cluster.local'],
        { minLength: 1 },
      ),
      addresses: one<ServiceEntryObject['addresses']>(
        [],
        [{ address: '240.1.0.1', prefix: undefined }],
        [{ address: '240.2.0.0', prefix: 24 }],
      ),
      ports: one(
        [{ name: 'http', port: 80, targetPort: 8080 }],
        [
          { name: 'data', port: 70, targetPort: 70 },
          { name: 'http', port: 81, targetPort: 81 },
        ],
        [],
      ),
      resolution: one<ServiceEntryObject['resolution'][]>('NONE', 'STATIC', 'DNS'),
      hbone: rarely(false, one(true)),
      visibility: one<ServiceEntryObject['visibility'][]>('PUBLIC', 'NAMESPACE'),
      subjectAltNames: one<string[]>([], ['spiffe://cluster.local/ns/shop/sa/cart']),
    }),
    maybeSelector,
    fc.uniqueArray(written, { maxLength: 2, selector: (one) => one.address }),
  )
  .map(([meta, rest, selects, endpoints]): ClusterObject => ({
    kind: 'ServiceEntry',
    metadata: meta,
    ...rest,
    selector: selects,
    endpoints: Object.keys(selects).length > 0 || rest.resolution === 'NONE' ? [] : endpoints,
  }));

const gateway = record({
  kind: fc.constant('Gateway' as const),
  metadata: metadata(rarely('istio-system', one('shop')), one('gw', 'other')),
  className: rarely('istio-east-west', one('own')),
  network: one('network-east', 'network-b', ''),
  hbonePort: rarely(15_008, one(0)),
  passthroughPort: one(0, 15_443),
  addresses: one<string[]>([], ['192.0.2.1'], ['10.0.0.1', '192.0.2.2']),
});

const gatewayClass = record({
  kind: fc.constant('GatewayClass' as const),
  metadata: metadata(fc.constant(''), one('own', 'istio-east-west')),
  controllerName: one('istio.io/eastwest-controller', 'example.com/other'),
});

/** Objects of a cluster, out of small pools, so that they meet one another. */
export const clusterObject: fc.Arbitrary<ClusterObject> = fc.oneof(
  { weight: 2, arbitrary: namespace },
  { weight: 3, arbitrary: node },
  { weight: 6, arbitrary: pod },
  { weight: 4, arbitrary: service },
  { weight: 2, arbitrary: slice },
  { weight: 2, arbitrary: authorization },
  { weight: 2, arbitrary: peer },
  { weight: 1, arbitrary: serviceExport },
  { weight: 3, arbitrary: workloadEntry },
  { weight: 4, arbitrary: serviceEntry },
  { weight: 1, arbitrary: gateway },
  { weight: 1, arbitrary: gatewayClass },
);
