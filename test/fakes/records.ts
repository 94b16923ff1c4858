import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Authorization, Match } from '@isthmus/mesh/rbac/authorization.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';

/** Records with everything at its plainest; a test names what matters to it. */
export const aWorkload = (over: Partial<Workload> & { readonly uid: string }): Workload => ({
  name: 'pod',
  namespace: 'shop',
  addresses: [],
  network: 'network-east',
  cluster: 'east',
  node: 'east-1',
  locality: { region: '', zone: '', subzone: '' },
  trustDomain: defaultTrustDomain,
  serviceAccount: 'default',
  canonicalName: '',
  canonicalRevision: '',
  workloadName: '',
  workloadType: 'DEPLOYMENT' as const,
  hostname: '',
  hostNetwork: false,
  status: 'HEALTHY' as const,
  capacity: 1,
  services: new Map(),
  waypoint: undefined,
  networkGateway: undefined,
  authorizationPolicies: [],
  transport: 'hbone' as const,
  appAddress: '',
  capturedPorts: [],
  classicClients: false,
  strict: false,
  sidecar: false,
  subjectAltNames: [],
  passthroughPort: 0,
  eastWestGateway: false,
  ...over,
});

export const aService = (over: Partial<Service> & { readonly name: string }): Service => {
  const namespace = over.namespace ?? 'shop';
  const hostname = over.hostname ?? `${over.name}.${namespace}.svc.cluster.local`;
  return {
    key: `${namespace}/${hostname}`,
    namespace,
    hostname,
    addresses: [],
    ports: [{ servicePort: 80, targetPort: 8080 }],
    subjectAltNames: [],
    waypoint: undefined,
    routingPreference: [],
    mode: 'UNSPECIFIED' as const,
    healthPolicy: 'ONLY_HEALTHY' as const,
    canonical: true,
    visibility: 'PUBLIC' as const,
    ipFamilies: 'AUTOMATIC' as const,
    exported: false,
    grantedClusters: [],
    leftClusters: [],
    inClusterset: false,
    ...over,
  };
};

export const aMatch = (over: Partial<Match> = {}): Match => ({
  namespaces: [],
  notNamespaces: [],
  principals: [],
  notPrincipals: [],
  sourceIps: [],
  notSourceIps: [],
  destinationIps: [],
  notDestinationIps: [],
  destinationPorts: [],
  notDestinationPorts: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  ...over,
});

export const anAuthorization = (over: Partial<Authorization> & { readonly name: string }): Authorization => ({
  key: `shop/${over.name}`,
  namespace: 'shop',
  scope: 'WORKLOAD_SELECTOR' as const,
  action: 'ALLOW' as const,
  rules: [],
  dryRun: false,
  ...over,
});
