import type { Gateway } from '@isthmus/api/domain/report.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { isHealthy } from '../health/judge.ts';
import { byName } from './in-order.ts';
import { identityOf } from './identity.ts';
import type { TranslateInput } from './input.ts';

export function gatewayReports(input: TranslateInput): ReadonlyMap<string, Gateway> {
  const services = [...input.view.gatewayServices()].sort(byName);
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

function gatewayReport(input: TranslateInput, { metadata, ports }: ServiceObject, pod: PodObject): Gateway {
  const node = input.view.get('Node', '', pod.nodeName);
  const port = (wanted: number) => (ports.some((one) => one.port === wanted) ? wanted : 0);
  return {
    network: metadata.labels['topology.istio.io/network'] ?? '',
    address: pod.podIP,
    hbonePort: port(15008),
    passthroughPort: port(15443),
    spiffeId: identityOf(input.trustDomain, pod),
    region: node?.region ?? '',
    zone: node?.zone ?? '',
    ready: isHealthy(input.health.of(pod)),
  };
}
