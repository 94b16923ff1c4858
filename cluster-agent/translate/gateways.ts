import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import type { GatewayObject, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { isHealthy } from '../health/judge.ts';
import { isServiceOf } from '../view/gateways.ts';
import { byName } from './in-order.ts';
import { identityOf } from './identity.ts';
import type { TranslateInput } from './input.ts';

/** A gateway under the name of its report, `<namespace>/<name>/<address>`. */
type Named = readonly [name: string, gateway: Gateway];

/**
 * The east-west gateways of the cluster. One that a Gateway object describes is reached at the object's addresses, and its
 * pods are not reported beside these: a gateway that is found twice is one. Without an object, or while the object has no
 * address, the pods behind the gateway's Service are reported.
 */
export function gatewayReports(input: TranslateInput): ReadonlyMap<string, Gateway> {
  const services = gatewayServices(input);
  const objects = [...input.view.eastWestGateways()].sort(byName);
  const addressed = objects.filter(({ addresses }) => addresses.length > 0);
  const described = addressed.flatMap((gateway) => ofObject(input, gateway, services));
  const others = services.filter((service) => !addressed.some((gateway) => isServiceOf(service, gateway)));
  const at = ({ network, address }: Gateway) => `${network} ${address}`;
  const known = new Set(described.map(([, gateway]) => at(gateway)));
  const found = others.flatMap((service) => ofService(input, service));
  return new Map([...described, ...found.filter(([, gateway]) => !known.has(at(gateway)))]);
}

/** Gateways that are described and have no pod: nothing in the cluster would answer there. */
export function unservedGatewayConditions(input: TranslateInput): readonly Condition[] {
  const services = gatewayServices(input);
  return [...input.view.eastWestGateways()]
    .sort(byName)
    .filter((gateway) => podsOf(input, gateway, services).length === 0)
    .map(({ metadata: { namespace, name } }) => ({
      type: 'GatewayServed',
      status: 'False',
      reason: 'GATEWAY_WITHOUT_PODS',
      severity: 'WARNING',
      object: `Gateway ${namespace}/${name}`,
      message: `the Gateway ${namespace}/${name} is not reported to the hub: no pod of the cluster is behind it`,
      remedy: `run its pods behind a Service in ${namespace} that has the label topology.istio.io/network, and the name ${name} or the label gateway.networking.k8s.io/gateway-name: ${name}`,
    }));
}

const gatewayServices = ({ view }: TranslateInput): readonly ServiceObject[] =>
  [...view.gatewayServices()].sort(byName);

const podsOf = (
  { view }: TranslateInput,
  gateway: GatewayObject,
  services: readonly ServiceObject[],
): readonly PodObject[] =>
  services
    .filter((service) => isServiceOf(service, gateway))
    .flatMap((service) => [...view.selectedBy(service)])
    .sort(byName);

/** What is in front of the pods spreads connections over them: it is ready while one of them is. */
function ofObject(
  input: TranslateInput,
  gateway: GatewayObject,
  services: readonly ServiceObject[],
): readonly Named[] {
  const pods = podsOf(input, gateway, services);
  const [first] = pods;
  if (!first) return [];
  const { network, hbonePort, passthroughPort, metadata } = gateway;
  const ready = pods.some((pod) => isHealthy(input.health.of(pod)));
  const spiffeId = identityOf(input.trustDomain, first);
  const { region, zone } = commonPlace(input, pods);
  return gateway.addresses.map((address) => [
    `${metadata.namespace}/${metadata.name}/${address}`,
    { network, address, hbonePort, passthroughPort, spiffeId, region, zone, ready },
  ]);
}

/** Where all of them are; '' for what they do not share. */
function commonPlace({ view }: TranslateInput, pods: readonly PodObject[]): Pick<Gateway, 'region' | 'zone'> {
  const nodes = pods.map(({ nodeName }) => view.get('Node', '', nodeName));
  const region = common(nodes.map((node) => node?.region ?? ''));
  return { region, zone: region === '' ? '' : common(nodes.map((node) => node?.zone ?? '')) };
}

const common = (texts: readonly string[]): string =>
  texts.every((text) => text === texts[0]) ? (texts[0] ?? '') : '';

const ofService = (input: TranslateInput, service: ServiceObject): readonly Named[] =>
  [...input.view.selectedBy(service)]
    .sort(byName)
    .filter(({ podIP }) => podIP !== '')
    .map((pod) => [
      `${pod.metadata.namespace}/${service.metadata.name}/${pod.podIP}`,
      ofPod(input, service, pod),
    ]);

function ofPod(input: TranslateInput, { metadata, ports }: ServiceObject, pod: PodObject): Gateway {
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
