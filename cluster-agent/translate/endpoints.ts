import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { modeOf } from '../view/mode.ts';
import { identityFor, type TranslateInput } from './input.ts';
import { transportOf } from './workloads.ts';

/** Endpoints of a service in this cluster, counted by place and transport. */
export function endpointGroups(
  { view }: TranslateInput,
  service: ServiceObject | undefined,
): readonly EndpointGroup[] {
  const groups = new Map<string, { -readonly [K in keyof EndpointGroup]: EndpointGroup[K] }>();
  for (const pod of service ? view.selectedBy(service) : []) {
    const node = view.get('Node', '', pod.nodeName);
    const [region, zone, transport] = [node?.region ?? '', node?.zone ?? '', transportOf[modeOf(view, pod)]];
    const key = [region, zone, transport].join('/');
    const group = groups.get(key) ?? { region, zone, transport, total: 0, healthy: 0 };
    group.total++;
    if (isReady(pod)) group.healthy++;
    groups.set(key, group);
  }
  return [...groups.values()];
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
