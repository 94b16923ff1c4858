import type { ServiceObject, WorkloadEntryObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import { canonicalOf } from '@isthmus/cluster-agent/translate/canonical.ts';
import { blank } from '@isthmus/cluster-agent/translate/workload-fields.ts';
import type { PortMapping, Workload } from '@isthmus/mesh/records/workload.ts';
import { networkOf, serviceKeyOf, type WholeInput } from './input.ts';
import { selects } from './view.ts';

/** One workload for each WorkloadEntry that can be dialled. */
export const entryWorkloads = (input: WholeInput): readonly Workload[] =>
  input.view
    .all('WorkloadEntry')
    .filter(({ workload }) => workload.address !== '' || workload.hostname !== '')
    .map((entry) => entryWorkload(input, entry));

function entryWorkload(
  input: WholeInput,
  { metadata, workload, hbone, healthy }: WorkloadEntryObject,
): Workload {
  const { namespace, name } = metadata;
  const services = input.view
    .all('Service')
    .filter((service) => isSelected(service, namespace, workload.labels))
    .map((service): [string, readonly PortMapping[]] => [
      serviceKeyOf(service.metadata),
      portsOf(service, workload.ports),
    ])
    .filter(([, ports]) => ports.length > 0)
    .sort(([a], [b]) => compareText(a, b));
  return {
    ...blank,
    uid: `${input.cluster}/networking.istio.io/WorkloadEntry/${namespace}/${name}`,
    name,
    namespace,
    addresses: workload.address === '' ? [] : [workload.address],
    hostname: workload.hostname,
    network: workload.network === '' ? networkOf(input) : workload.network,
    cluster: input.cluster,
    locality: workload.locality,
    trustDomain: input.trustDomain,
    serviceAccount: workload.serviceAccount === '' ? 'default' : workload.serviceAccount,
    ...canonicalOf({ metadata: { labels: workload.labels }, workloadName: name }),
    workloadName: name,
    status: healthy ? 'HEALTHY' : 'UNHEALTHY',
    capacity: 1000 * workload.weight,
    services: new Map(services),
    transport: hbone ? 'hbone' : 'plaintext',
  };
}

const isSelected = (service: ServiceObject, namespace: string, labels: Record<string, string>): boolean =>
  service.metadata.namespace === namespace &&
  Object.keys(service.selector).length > 0 &&
  selects(service.selector, labels);

const portsOf = ({ ports }: ServiceObject, named: ReadonlyMap<string, number>): readonly PortMapping[] =>
  ports.flatMap(({ port, targetPort }) => {
    const target = typeof targetPort === 'number' ? targetPort : named.get(targetPort);
    return target === undefined ? [] : [{ servicePort: port, targetPort: target }];
  });

/** Those behind a service that proxies of this cluster can dial. */
export const entriesBehind = (input: WholeInput, key: string): readonly Workload[] =>
  entryWorkloads(input).filter(
    ({ services, addresses, network }) =>
      services.has(key) && addresses.length > 0 && network === networkOf(input),
  );
