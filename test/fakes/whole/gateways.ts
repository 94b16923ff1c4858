import type { Gateway } from '@isthmus/api/domain/report.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { isHealthy } from '@isthmus/cluster-agent/health/judge.ts';
import { byName } from '@isthmus/cluster-agent/translate/in-order.ts';
import { identityFor, type WholeInput } from './input.ts';
import type { WholeView } from './view.ts';

const gatewayServices = (view: WholeView): readonly ServiceObject[] =>
  view
    .all('Service')
    .filter(
      ({ metadata }) =>
        metadata.namespace === 'istio-system' && metadata.labels['topology.istio.io/network'] !== undefined,
    );

export const gatewayPods = (view: WholeView): ReadonlySet<PodObject> =>
  new Set(gatewayServices(view).flatMap((service) => view.selectedBy(service)));

export function gatewayReports(input: WholeInput): ReadonlyMap<string, Gateway> {
  const services = [...gatewayServices(input.view)].sort(byName);
  const entries = services.flatMap((service) =>
    [...input.view.selectedBy(service)]
      .sort(byName)
      .filter(({ podIP }) => podIP !== '')
      .map((pod): [string, Gateway] => [
        `${pod.metadata.namespace}/${service.metadata.name}/${pod.podIP}`,
        gatewayReport(input, service, pod),
      ]),
  );
  return new Map(entries);
}

function gatewayReport(input: WholeInput, { metadata, ports }: ServiceObject, pod: PodObject): Gateway {
  const node = input.view.get('Node', '', pod.nodeName);
  const port = (wanted: number) => (ports.some((one) => one.port === wanted) ? wanted : 0);
  return {
    network: metadata.labels['topology.istio.io/network'] ?? '',
    address: pod.podIP,
    hbonePort: port(15008),
    passthroughPort: port(15443),
    spiffeId: identityFor(input, pod.metadata.namespace, pod.serviceAccount),
    region: node?.region ?? '',
    zone: node?.zone ?? '',
    ready: isHealthy(input.health.of(pod)),
  };
}
