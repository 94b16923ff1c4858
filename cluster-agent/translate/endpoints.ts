import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { modeOf } from '../view/mode.ts';
import { identityFor, type TranslateInput } from './input.ts';
import { slicesOf } from './slices.ts';
import { transportOf } from './workloads.ts';

/** Endpoints of a service in this cluster, counted by place and transport. */
export function endpointGroups(
  { view }: TranslateInput,
  service: ServiceObject | undefined,
): readonly EndpointGroup[] {
  const groups = new Map<string, { -readonly [K in keyof EndpointGroup]: EndpointGroup[K] }>();
  const endpoints = service ? [...podEndpoints(view, service), ...writtenEndpoints(view, service)] : [];
  for (const { region, zone, transport, healthy } of endpoints) {
    const key = [region, zone, transport].join('/');
    const group = groups.get(key) ?? { region, zone, transport, total: 0, healthy: 0 };
    group.total++;
    if (healthy) group.healthy++;
    groups.set(key, group);
  }
  return [...groups.values()];
}

interface Endpoint extends Pick<EndpointGroup, 'region' | 'zone' | 'transport'> {
  readonly healthy: boolean;
}

const podEndpoints = (view: ClusterView, service: ServiceObject): readonly Endpoint[] =>
  view.selectedBy(service).map((pod) => ({
    ...placeOf(view, pod.nodeName),
    ...{ transport: transportOf[modeOf(view, pod)], healthy: isReady(pod) },
  }));

const writtenEndpoints = (view: ClusterView, service: ServiceObject): readonly Endpoint[] =>
  slicesOf(view, service).flatMap(({ endpoints }) =>
    endpoints.flatMap(({ addresses, ready, nodeName, zone }) =>
      addresses.map(() => {
        const place = placeOf(view, nodeName);
        return { ...place, zone: zone || place.zone, transport: 'plaintext' as const, healthy: ready };
      }),
    ),
  );

function placeOf(view: ClusterView, nodeName: string): { readonly region: string; readonly zone: string } {
  const node = view.get('Node', '', nodeName);
  return { region: node?.region ?? '', zone: node?.zone ?? '' };
}

const isReady = ({ ready, podIP }: PodObject): boolean => ready === true && podIP !== '';

/** The SPIFFE IDs of the workloads behind a service, ready or not. */
export const namesBehind = (input: TranslateInput, service: ServiceObject | undefined): readonly string[] => [
  ...new Set(
    (service ? input.view.selectedBy(service) : [])
      .filter((pod) => modeOf(input.view, pod) !== 'NONE')
      .map(({ metadata, serviceAccount }) => identityFor(input, metadata.namespace, serviceAccount)),
  ),
];
