import type { ServiceEntryObject, WrittenWorkload } from '@isthmus/api/kubernetes/objects.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { serviceKeyAt, type ServiceKey } from '../keys/names.ts';
import { entryName } from '../view/workload-entries.ts';
import type { Derivation } from './derivation.ts';
import { hostsInForce } from './entry-hosts.ts';
import { networkOf } from './network.ts';
import type { World } from './world.ts';
import {
  countedEndpoints,
  portsOfEntry,
  recordsOf,
  served,
  writtenWorkload,
  type CountedEndpoint,
  type Here,
  type WrittenEndpoints,
} from './written-workloads.ts';

interface Inputs extends Here {
  readonly entry: ServiceEntryObject;
  /** Those of its hosts that it is in force of. */
  readonly hosts: readonly ServiceKey[];
}

/** The endpoints that ServiceEntries have in themselves, as workloads (ambient/workloads.go). */
export const serviceEntry: Derivation<string, Inputs, WrittenEndpoints> = {
  name: 'serviceEntry',
  reads: new Set(['serviceEntry', 'entryHost', 'network']),
  keys: allEntries,
  wakes(touched, _forms, world) {
    switch (touched.kind) {
      case 'serviceEntry':
        return [touched.entry];
      case 'entryHost':
        return Array.from(world.view.serviceEntries.having(touched.service), entryName);
      case 'network':
        return allEntries(world);
      default:
        return [];
    }
  },
  inputs(key, { view, facts: { cluster, trustDomain } }) {
    const entry = view.serviceEntries.get(key);
    if (!entry) return undefined;
    const { hosts } = hostsInForce(view, [entry]);
    return { cluster, trustDomain, network: networkOf(view), entry, hosts };
  },
  derive: endpointsOf,
  records: (_entry, { workloads }) => recordsOf(workloads),
};

function* allEntries({ view }: World): Iterable<string> {
  for (const entry of view.all('ServiceEntry')) yield entryName(entry);
}

function endpointsOf(inputs: Inputs): WrittenEndpoints {
  const workloads: Workload[] = [];
  const endpoints: CountedEndpoint[] = [];
  for (const { said, hosts } of [...written(inputs), ...implied(inputs)]) {
    const services = served(new Map(hosts.map((key) => [key, portsOfEntry(inputs.entry, said)])));
    const workload = workloadOf(inputs, said, services);
    workloads.push(workload);
    endpoints.push(...countedEndpoints(workload, services.keys(), inputs));
  }
  return { workloads, endpoints };
}

interface Endpoint {
  readonly said: WrittenWorkload;
  readonly hosts: readonly ServiceKey[];
}

const written = ({ entry, hosts }: Inputs): readonly Endpoint[] =>
  entry.endpoints
    .filter(({ address, hostname }) => address !== '' || hostname !== '')
    .map((said) => ({ said, hosts }));

/** Where names are resolved and nothing else is said, each host is its own endpoint. */
function implied({ entry, hosts }: Inputs): readonly Endpoint[] {
  const { resolution, endpoints, selector, metadata } = entry;
  if (resolution !== 'DNS' || endpoints.length > 0 || Object.keys(selector).length > 0) return [];
  const named = entry.hosts.map((hostname) => ({
    hostname,
    key: serviceKeyAt(metadata.namespace, hostname),
  }));
  return named
    .filter(({ hostname, key }) => !hostname.startsWith('*') && hosts.includes(key))
    .map(({ hostname, key }) => ({ said: { ...nothing, hostname }, hosts: [key] }));
}

const nothing: WrittenWorkload = {
  address: '',
  hostname: '',
  labels: {},
  network: '',
  locality: { region: '', zone: '', subzone: '' },
  weight: 1,
  serviceAccount: '',
  ports: new Map(),
};

function workloadOf(inputs: Inputs, one: WrittenWorkload, services: Workload['services']): Workload {
  const { entry, cluster } = inputs;
  const at = one.address === '' ? one.hostname : one.address;
  const said = {
    uid: `${cluster}/networking.istio.io/ServiceEntry/${entryName(entry)}/${at}`,
    ref: entry.metadata,
    hbone: entry.hbone,
    healthy: true,
    services,
  };
  return writtenWorkload(one, said, inputs);
}
