import type { Condition } from '@isthmus/api/domain/condition.ts';
import { recordLimits } from '@isthmus/api/domain/limits.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { ServiceKey } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { entryName } from '../view/workload-entries.ts';

/** Hosts of ServiceEntries that something else of the cluster says what serves: one condition for each such entry. */
export function entryConditions({ view }: { readonly view: ClusterView }): readonly Condition[] {
  const taken = new Map<string, ServiceKey[]>();
  for (const key of view.serviceEntries.contested())
    for (const entry of view.serviceEntries.having(key)) {
      if (view.serviceEntries.at(key) === entry) continue;
      const keys = taken.get(entryName(entry));
      if (keys) keys.push(key);
      else taken.set(entryName(entry), [key]);
    }
  return [...taken]
    .sort(([a], [b]) => compareText(a, b))
    .slice(0, recordLimits.conditions)
    .map(([entry, keys]) => conditionOf(entry, keys.sort(), view));
}

function conditionOf(entry: string, keys: readonly ServiceKey[], view: ClusterView): Condition {
  const [first] = keys;
  const other = first && view.serviceEntries.at(first);
  const holder = other ? `the older ServiceEntry ${entryName(other)}` : 'a Service of this name';
  const more = keys.length > 1 ? `, and ${keys.length - 1} more of its hosts are taken` : '';
  return {
    type: 'HostsApplied',
    status: 'False',
    reason: 'ENTRY_HOST_TAKEN',
    severity: 'WARNING',
    object: `ServiceEntry ${entry}`,
    message: `the ServiceEntry ${entry} is not applied for ${first}: ${holder} says what serves it${more}`,
    remedy: 'remove the host from one of the two, or put all endpoints into one of them',
  };
}
