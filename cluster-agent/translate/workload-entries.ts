import type {
  ServiceEntryObject,
  ServiceObject,
  WorkloadEntryObject,
} from '@isthmus/api/kubernetes/objects.ts';
import type { PortMapping } from '@isthmus/mesh/records/workload.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import { entryName } from '../view/workload-entries.ts';
import type { Derivation } from './derivation.ts';
import { byName } from './in-order.ts';
import { hostsInForce, ofHosts, type EntryHosts } from './entry-hosts.ts';
import { networkOf } from './network.ts';
import type { World } from './world.ts';
import {
  countedEndpoints,
  portsOfEntry,
  portsOfWritten,
  writtenWorkload,
  recordsOf,
  served,
  type Here,
  type WrittenEndpoints,
} from './written-workloads.ts';

interface Inputs extends Here, EntryHosts {
  readonly entry: WorkloadEntryObject;
  /** Those whose selectors its labels meet, in order. */
  readonly selectedBy: readonly ServiceObject[];
}

/** One workload for each WorkloadEntry that can be dialled, selected as a pod is (ambient/workloads.go). */
export const workloadEntry: Derivation<string, Inputs, WrittenEndpoints> = {
  name: 'workloadEntry',
  reads: new Set(['workloadEntry', 'service', 'serviceEntry', 'entryHost', 'network']),
  keys: allEntries,
  wakes(touched, forms, world) {
    switch (touched.kind) {
      case 'workloadEntry':
        return [touched.entry];
      case 'service':
        return entriesOfForms(forms as readonly ServiceObject[], world.view);
      case 'serviceEntry':
        return entriesOfForms(forms as readonly ServiceEntryObject[], world.view);
      case 'entryHost':
        return entriesOfForms([...world.view.serviceEntries.having(touched.service)], world.view);
      case 'network':
        return allEntries(world);
      default:
        return [];
    }
  },
  inputs(key, { view, facts }) {
    const entry = view.workloadEntry(key);
    if (!entry || (entry.workload.address === '' && entry.workload.hostname === '')) return undefined;
    const { namespace } = entry.metadata;
    const { labels } = entry.workload;
    const { hosts, entries } = hostsInForce(view, view.serviceEntries.selecting(namespace, labels));
    return {
      cluster: facts.cluster,
      trustDomain: facts.trustDomain,
      network: networkOf(view),
      entry,
      selectedBy: [...view.servicesSelecting({ metadata: { namespace, labels } })].sort(byName),
      hosts,
      entries,
    };
  },
  derive: entryOf,
  records: (_entry, { workloads }) => recordsOf(workloads),
};

function* allEntries({ view }: World): Iterable<string> {
  for (const entry of view.all('WorkloadEntry')) yield entryName(entry);
}

/** Those that Services or ServiceEntries select in any of their forms. */
export function* entriesOfForms(
  forms: readonly (ServiceObject | ServiceEntryObject)[],
  view: World['view'],
): Iterable<string> {
  for (const { metadata, selector } of forms)
    for (const entry of view.workloadEntriesSelectedBy(metadata.namespace, selector)) yield entryName(entry);
}

export const workloadEntryUid = (cluster: string, entry: string): string =>
  `${cluster}/networking.istio.io/WorkloadEntry/${entry}`;

function entryOf(inputs: Inputs): WrittenEndpoints {
  const { entry, selectedBy } = inputs;
  const found = new Map<ServiceKey, readonly PortMapping[]>();
  for (const service of selectedBy)
    found.set(serviceKeyOf(service.metadata), portsOfWritten(service, entry.workload));
  for (const [key, one] of ofHosts(inputs)) found.set(key, portsOfEntry(one, entry.workload));
  const services = served(found);
  const said = {
    uid: workloadEntryUid(inputs.cluster, entryName(entry)),
    ref: entry.metadata,
    hbone: entry.hbone,
    healthy: entry.healthy,
    services,
  };
  const workload = writtenWorkload(entry.workload, said, inputs);
  return { workloads: [workload], endpoints: countedEndpoints(workload, services.keys(), inputs) };
}
