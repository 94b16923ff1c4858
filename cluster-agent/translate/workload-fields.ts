import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { nowhere } from '@isthmus/mesh/records/locality.ts';
import type { Transport, Workload } from '@isthmus/mesh/records/workload.ts';
import type { Mode } from '../view/mode.ts';

export const transportOf: Readonly<Record<Mode, Transport>> = {
  AMBIENT: 'hbone',
  SIDECAR: 'istio-mtls',
  NONE: 'plaintext',
};

/** Of one endpoint: what stands for several has a multiple of it, and shares need room between whole numbers. */
export const endpointCapacity = 1000;

/** The fields that every kind of workload has and most leave empty. */
export const blank: Workload = Object.freeze({
  uid: '',
  name: '',
  namespace: '',
  addresses: [],
  network: '',
  cluster: '',
  node: '',
  locality: nowhere,
  trustDomain: defaultTrustDomain,
  serviceAccount: 'default',
  canonicalName: '',
  canonicalRevision: 'latest',
  workloadName: '',
  workloadType: 'POD' as const,
  hostname: '',
  hostNetwork: false,
  status: 'HEALTHY' as const,
  capacity: endpointCapacity,
  services: new Map(),
  waypoint: undefined,
  networkGateway: undefined,
  authorizationPolicies: [],
  transport: 'plaintext' as const,
  appAddress: '',
  capturedPorts: [],
  classicClients: false,
  strict: false,
  sidecar: false,
  subjectAltNames: [],
  passthroughPort: 0,
  eastWestGateway: false,
});
