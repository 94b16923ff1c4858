import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { NodeObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { isHealthy } from '../health/judge.ts';
import { podKey, podUid, serviceKeyOf, type PodKey, type Ref, type ServiceKey } from '../keys/names.ts';
import { canonicalOf } from './canonical.ts';
import type { Derivation } from './derivation.ts';
import {
  isServedByUpstream,
  membersOfForms,
  podsOfEntries,
  podsOfProxy,
  type PodEndpoint,
} from './endpoint.ts';
import { networkOf } from './network.ts';
import { podKeys, type Part } from './part.ts';
import type { PodPolicies } from './policies.ts';
import { blank, transportOf } from './workload-fields.ts';
import type { World } from './world.ts';

interface Inputs {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  readonly pod: PodObject;
  readonly node: NodeObject | undefined;
  readonly network: string;
  readonly part: Part;
  readonly healthy: boolean;
  readonly policies: PodPolicies;
  readonly services: PodEndpoint['services'];
  /** Callers may speak Istio mTLS: sidecars of this cluster, or clusters that its services are exported to. */
  readonly classicPeers: boolean;
  readonly servedByUpstream: boolean;
}

/** One workload for each pod that has an address. */
export const workload: Derivation<PodKey, Inputs, Workload> = {
  name: 'workload',
  reads: new Set([
    'pod',
    'part',
    'serving',
    'policies',
    'endpoint',
    'node',
    'network',
    'sidecars',
    'nodeProxies',
    'upstream',
    'hub',
  ]),
  keys: ({ view }) => view.podKeys(),
  wakes(touched, forms, world) {
    const { view } = world;
    switch (touched.kind) {
      case 'pod':
      case 'part':
      case 'serving':
      case 'policies':
      case 'endpoint':
        return [touched.pod];
      case 'node':
      case 'nodeProxies':
        return podKeys(view.podsOn(touched.node));
      case 'network':
        return podKeys(view.pods());
      case 'sidecars':
        return ambientPods(world);
      case 'upstream':
        return podsOfProxy(touched.pod, view);
      case 'hub': {
        if (touched.type !== 'grant') return [];
        const keys = (forms as readonly Ref[]).map(serviceKeyOf);
        return membersOfKeys(keys, view);
      }
      default:
        return [];
    }
  },
  inputs(key, world) {
    const { view, facts, derived } = world;
    const pod = view.podNamed(key);
    const part = derived.part(key);
    const verdict = derived.judged(key)?.verdict;
    const policies = derived.policies(key);
    const services = derived.endpoint(key)?.services;
    if (!pod || pod.podIP === '' || !part || !verdict || !policies || !services) return undefined;
    return {
      cluster: facts.cluster,
      trustDomain: facts.trustDomain,
      pod,
      node: view.get('Node', '', pod.nodeName),
      network: networkOf(view),
      part,
      healthy: isHealthy(verdict),
      policies,
      services,
      classicPeers: part.mode === 'AMBIENT' && (derived.anySidecar() || isExported(services, world)),
      servedByUpstream: isServedByUpstream(world, pod),
    };
  },
  derive: workloadOf,
  records: (_pod, record) => [{ part: 'workloads', name: record.uid, record }],
};

function* ambientPods({ view, derived }: World): Iterable<PodKey> {
  for (const { metadata } of view.pods()) {
    const key = podKey(metadata);
    if (derived.part(key)?.mode === 'AMBIENT') yield key;
  }
}

/** Pods behind Services, and behind hosts of ServiceEntries. */
function* membersOfKeys(keys: readonly ServiceKey[], view: World['view']): Iterable<PodKey> {
  yield* membersOfForms(
    keys.flatMap((key) => view.service(key) ?? []),
    view,
  );
  for (const key of keys) yield* podsOfEntries(view.serviceEntries.having(key), view);
}

function isExported(services: PodEndpoint['services'], { hub }: World): boolean {
  for (const key of services.keys()) if (hub.grantOf(key)) return true;
  return false;
}

function workloadOf(inputs: Inputs): Workload {
  const { cluster, trustDomain, pod, node, part, policies, services } = inputs;
  const { metadata } = pod;
  const { canonicalName, canonicalRevision } = canonicalOf(pod);
  return {
    ...blank,
    uid: podUid(cluster, pod),
    name: metadata.name,
    namespace: metadata.namespace,
    addresses: [pod.podIP, ...pod.otherIPs],
    network: metadata.labels['topology.istio.io/network'] ?? inputs.network,
    cluster,
    node: pod.nodeName,
    locality: { region: node?.region ?? '', zone: node?.zone ?? '', subzone: node?.subzone ?? '' },
    trustDomain,
    serviceAccount: pod.serviceAccount,
    canonicalName,
    canonicalRevision,
    workloadName: pod.workloadName,
    hostNetwork: pod.hostNetwork,
    status: inputs.healthy ? 'HEALTHY' : 'UNHEALTHY',
    services,
    authorizationPolicies: policies.keys,
    transport: transportOf[part.mode],
    sidecar: part.mode === 'SIDECAR',
    appAddress: pod.appAddress,
    capturedPorts: pod.ports.map(({ port }) => port),
    classicClients: part.mode === 'AMBIENT' && inputs.classicPeers && !inputs.servedByUpstream,
    strict: policies.strict,
    eastWestGateway: part.isGateway,
  };
}
