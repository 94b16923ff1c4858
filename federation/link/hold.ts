import { parseServiceKey, type ClusterName } from '@isthmus/api/domain/names.ts';
import { parseRemoteName, type RemoteName } from '@isthmus/api/domain/remote-name.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { mayBeExported } from '../policy/exported.ts';
import type { Now } from '../state/now.ts';

/**
 * Unknown is never empty: until a cluster has said everything on its link, what rests on its reports is neither
 * replaced nor removed where it is held. What intent alone takes away, goes: an export that has ended, a member that
 * was sent away. What the answer rests on is in `restsOn`, and `Held.released` knows the changes of it.
 */
export function isHeld(now: Now, receiver: ClusterName, type: DownType, name: string): boolean {
  const on = restsOn(receiver, type, name);
  return on !== undefined && isUnknown(now, on.cluster) && mayBeExported(now, on.cluster, on.service);
}

/** The cluster and its service whose reports a resource follows from; undefined: it follows from none. */
export function restsOn(receiver: ClusterName, type: DownType, name: string): RemoteName | undefined {
  switch (type) {
    case 'remote':
      return parseRemoteName(name);
    case 'grant': {
      const service = parseServiceKey(name);
      return service === undefined ? undefined : { cluster: receiver, service };
    }
    default:
      return undefined;
  }
}

const isUnknown = ({ intent, observed }: Now, cluster: ClusterName): boolean =>
  intent.clusters.get(cluster)?.value.admission === 'ADMITTED' && !(observed.get(cluster)?.synced ?? false);
