import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { WholeView } from './view.ts';
import { isHealthy } from '@isthmus/cluster-agent/health/judge.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { valuesInOrder } from '@isthmus/cluster-agent/translate/in-order.ts';
import { entriesBehind } from './entries.ts';
import { identityFor, isServedByUpstream, serviceKeyOf, type WholeInput } from './input.ts';
import { membersOf, slicesOf, type Member } from './members.ts';
import { transportOf } from '@isthmus/cluster-agent/translate/workload-fields.ts';

/** Endpoints of a service in this cluster, counted by place and transport, and in the order of these. */
export function endpointGroups(
  input: WholeInput,
  service: ServiceObject | undefined,
): readonly EndpointGroup[] {
  const groups = new Map<string, { -readonly [K in keyof EndpointGroup]: EndpointGroup[K] }>();
  const endpoints = service
    ? [
        ...podEndpoints(input, service),
        ...writtenEndpoints(input.view, service),
        ...entryEndpoints(input, service),
      ]
    : [];
  for (const { healthy, ...place } of endpoints) {
    const { region, zone, transport, hboneOnly } = place;
    const key = [region, zone, transport, hboneOnly].join('/');
    const group = groups.get(key) ?? { ...place, total: 0, healthy: 0 };
    group.total++;
    if (healthy) group.healthy++;
    groups.set(key, group);
  }
  return valuesInOrder(groups);
}

interface Endpoint extends Pick<EndpointGroup, 'region' | 'zone' | 'transport' | 'hboneOnly'> {
  readonly healthy: boolean;
}

const podEndpoints = (input: WholeInput, service: ServiceObject): readonly Endpoint[] =>
  membersOf(input.view, service).map((member) => {
    const { pod } = member;
    const transport = transportOf[modeOf(input.view, pod)];
    return {
      ...placeOf(input.view, pod.nodeName),
      transport,
      healthy: isServing(input, member),
      ...(transport === 'hbone' && isServedByUpstream(input, pod) && { hboneOnly: true }),
    };
  });

const writtenEndpoints = (view: WholeView, service: ServiceObject): readonly Endpoint[] =>
  slicesOf(view, service).flatMap(({ endpoints }) =>
    endpoints
      .filter(({ pod }) => pod === '')
      .flatMap(({ addresses, ready, nodeName, zone }) =>
        addresses.map(() => {
          const place = placeOf(view, nodeName);
          return { ...place, zone: zone || place.zone, transport: 'plaintext' as const, healthy: ready };
        }),
      ),
  );

const entryEndpoints = (input: WholeInput, { metadata }: ServiceObject): readonly Endpoint[] =>
  entriesBehind(input, serviceKeyOf(metadata)).map(({ locality: { region, zone }, transport, status }) => ({
    region,
    zone,
    transport,
    healthy: status === 'HEALTHY',
  }));

function placeOf(view: WholeView, nodeName: string): { readonly region: string; readonly zone: string } {
  const node = view.get('Node', '', nodeName);
  return { region: node?.region ?? '', zone: node?.zone ?? '' };
}

/** A pod that has none of the service's ports cannot be reached as its endpoint. */
const isServing = (input: WholeInput, { pod, ports, isHeldBack }: Member): boolean =>
  isHealthy(input.health.of(pod)) && ports.length > 0 && !isHeldBack;

/** The SPIFFE IDs of the workloads behind a service, ready or not. */
export const namesBehind = (input: WholeInput, service: ServiceObject | undefined): readonly string[] => [
  ...new Set([
    ...(service ? membersOf(input.view, service) : [])
      .map(({ pod }) => pod)
      .filter((pod) => modeOf(input.view, pod) !== 'NONE')
      .map(({ metadata, serviceAccount }) => identityFor(input, metadata.namespace, serviceAccount)),
    ...(service ? entriesBehind(input, serviceKeyOf(service.metadata)) : [])
      .filter(({ transport }) => transport === 'hbone')
      .map(({ namespace, serviceAccount }) => identityFor(input, namespace, serviceAccount)),
  ]),
];
