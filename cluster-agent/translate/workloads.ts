import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { nowhere } from '@isthmus/mesh/state/locality.ts';
import type { PortMapping, Transport, Workload } from '@isthmus/mesh/state/workload.ts';
import { isHealthy } from '../health/judge.ts';
import { podUid, serviceKeyOf } from '../keys/names.ts';
import { modeOf, type Mode } from '../view/mode.ts';
import { isServedByUpstream, networkOf, type TranslateInput } from './input.ts';
import { canonicalOf } from './canonical.ts';
import { membersOf } from './members.ts';
import type { Policies, PodPolicies } from './policies.ts';

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

/** One workload per pod that has an address. */
export function podWorkloads(input: TranslateInput, policies: Policies): readonly Workload[] {
  const { view, cluster } = input;
  const anySidecar = [...view.pods()].some((pod) => modeOf(view, pod) === 'SIDECAR');
  const memberships = membershipsByPod(input);
  return [...view.pods()]
    .filter(({ podIP }) => podIP !== '')
    .map((pod) => {
      const services = memberships.get(podUid(cluster, pod)) ?? new Map<string, readonly PortMapping[]>();
      const exported = [...services.keys()].some((key) => isGranted(input, key));
      const workload = podWorkload(input, pod, {
        services,
        policies: policies.of(pod),
        classicPeers: anySidecar || exported,
      });
      return view.isGateway(pod) ? { ...workload, eastWestGateway: true } : workload;
    });
}

export const isGranted = ({ hub }: TranslateInput, key: string): boolean =>
  [...hub.grants.values()].some((grant) => serviceKeyOf(grant) === key);

interface PodFacts {
  readonly services: Workload['services'];
  readonly policies: PodPolicies;
  readonly classicPeers: boolean;
}

function podWorkload(
  input: TranslateInput,
  pod: PodObject,
  { services, policies, classicPeers }: PodFacts,
): Workload {
  const { metadata } = pod;
  const node = input.view.get('Node', '', pod.nodeName);
  const mode = modeOf(input.view, pod);
  const { canonicalName, canonicalRevision } = canonicalOf(pod);
  return {
    ...blank,
    uid: podUid(input.cluster, pod),
    name: metadata.name,
    namespace: metadata.namespace,
    addresses: [pod.podIP, ...pod.otherIPs],
    network: metadata.labels['topology.istio.io/network'] ?? networkOf(input),
    cluster: input.cluster,
    node: pod.nodeName,
    locality: { region: node?.region ?? '', zone: node?.zone ?? '', subzone: node?.subzone ?? '' },
    trustDomain: input.trustDomain,
    serviceAccount: pod.serviceAccount,
    canonicalName,
    canonicalRevision,
    workloadName: pod.workloadName,
    hostNetwork: pod.hostNetwork,
    status: isHealthy(input.health.of(pod)) ? 'HEALTHY' : 'UNHEALTHY',
    services,
    authorizationPolicies: policies.keys,
    transport: transportOf[mode],
    sidecar: mode === 'SIDECAR',
    appAddress: pod.appAddress,
    capturedPorts: pod.ports.map(({ port }) => port),
    classicClients: mode === 'AMBIENT' && classicPeers && !isServedByUpstream(input, pod),
    strict: policies.strict,
  };
}

/** Workload uid to service key to ports, in the order of these keys. */
function membershipsByPod(input: TranslateInput): Map<string, Map<string, readonly PortMapping[]>> {
  const members = new Map<string, Map<string, readonly PortMapping[]>>();
  const services = [...input.view.all('Service')].map(
    (service) => [serviceKeyOf(service.metadata), service] as const,
  );
  for (const [key, service] of [...services].sort(([a], [b]) => compareText(a, b)))
    for (const { pod, ports, isHeldBack } of membersOf(input.view, service)) {
      if (ports.length === 0 || isHeldBack) continue;
      const uid = podUid(input.cluster, pod);
      const known = members.get(uid) ?? new Map<string, readonly PortMapping[]>();
      members.set(uid, known.set(key, ports));
    }
  return members;
}
