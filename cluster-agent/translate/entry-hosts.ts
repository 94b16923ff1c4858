import type { ServiceEntryObject } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { ServiceKey } from '../keys/names.ts';
import { keysOf } from '../view/service-entries.ts';
import type { World } from './world.ts';

/** Hosts that a workload serves, in order, and of each the entry that is in force of it. */
export interface EntryHosts {
  readonly hosts: readonly ServiceKey[];
  readonly entries: readonly ServiceEntryObject[];
}

/** Of the hosts of these entries those that they are in force of. */
export function hostsInForce(
  { serviceEntries }: World['view'],
  all: Iterable<ServiceEntryObject>,
): EntryHosts {
  const found = Array.from(all).flatMap((entry) =>
    keysOf(entry)
      .filter((key) => serviceEntries.at(key) === entry)
      .map((key) => ({ key, entry })),
  );
  found.sort((a, b) => compareText(a.key, b.key));
  return { hosts: found.map(({ key }) => key), entries: found.map(({ entry }) => entry) };
}

/** Each host with its entry. */
export const ofHosts = ({
  hosts,
  entries,
}: EntryHosts): readonly (readonly [ServiceKey, ServiceEntryObject])[] =>
  hosts.flatMap((key, i) => {
    const entry = entries[i];
    return entry ? [[key, entry] as const] : [];
  });
