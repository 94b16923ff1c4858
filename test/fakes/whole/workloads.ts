import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { PortMapping, Workload } from '@isthmus/mesh/records/workload.ts';
import { isHealthy } from '@isthmus/cluster-agent/health/judge.ts';
import { hostsSelecting } from './entries.ts';
import { gatewayPods } from './gateways.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { isServedByUpstream, networkOf, serviceKeyOf, type WholeInput } from './input.ts';
import { blank, transportOf } from '@isthmus/cluster-agent/translate/workload-fields.ts';
import { canonicalOf } from '@isthmus/cluster-agent/translate/canonical.ts';
import { membersOf } from './members.ts';
import { podUid } from '@isthmus/cluster-agent/keys/names.ts';
import type { Policies, PodPolicies } from './policies.ts';

/** One workload per pod that has an address. */
export function podWorkloads(input: WholeInput, policies: Policies): readonly Workload[] {
  const { view, cluster } = input;
  const anySidecar = view.pods().some((pod) => modeOf(view, pod) === 'SIDECAR');
  const memberships = membershipsByPod(input);
  const gateways = gatewayPods(view);
  return view
    .pods()
    .filter(({ podIP }) => podIP !== '')
    .map((pod) => {
      const services = memberships.get(podUid(cluster, pod)) ?? new Map<string, readonly PortMapping[]>();
      const exported = [...services.keys()].some((key) => isGranted(input, key));
      const workload = podWorkload(input, pod, {
        services,
        policies: policies.of(pod),
        classicPeers: anySidecar || exported,
      });
      return gateways.has(pod) ? { ...workload, eastWestGateway: true } : workload;
    });
}

export const isGranted = ({ hub }: WholeInput, key: string): boolean =>
  [...hub.grants.values()].some((grant) => serviceKeyOf(grant) === key);

interface PodFacts {
  readonly services: Workload['services'];
  readonly policies: PodPolicies;
  readonly classicPeers: boolean;
}

function podWorkload(
  input: WholeInput,
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
function membershipsByPod(input: WholeInput): Map<string, Map<string, readonly PortMapping[]>> {
  const members = new Map<string, Map<string, readonly PortMapping[]>>();
  const services = input.view
    .all('Service')
    .map((service) => [serviceKeyOf(service.metadata), service] as const);
  for (const [key, service] of [...services].sort(([a], [b]) => compareText(a, b)))
    for (const { pod, ports, isHeldBack } of membersOf(input.view, service)) {
      if (ports.length === 0 || isHeldBack) continue;
      const uid = podUid(input.cluster, pod);
      const known = members.get(uid) ?? new Map<string, readonly PortMapping[]>();
      members.set(uid, known.set(key, ports));
    }
  for (const pod of input.view.pods()) {
    const uid = podUid(input.cluster, pod);
    for (const [key, { ports }] of hostsSelecting(input, pod.metadata.namespace, pod.metadata.labels)) {
      if (ports.length === 0) continue;
      const known = members.get(uid) ?? new Map<string, readonly PortMapping[]>();
      const mapped = ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort }));
      members.set(uid, known.set(key, mapped));
    }
  }
  return new Map(
    [...members].map(([uid, found]) => [uid, new Map([...found].sort(([a], [b]) => compareText(a, b)))]),
  );
}
