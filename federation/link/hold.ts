import { mayBeExported } from '../policy/exported.ts';
import type { Now } from '../state/now.ts';

/**
 * Unknown is never empty: until a cluster has said everything on its link, what rests on its reports is neither
 * replaced nor removed where it is held. What intent alone takes away, goes: an export that has ended, a member that
 * was sent away. Ask through `Reads`: what this function reads is what must have it asked again.
 */
export function isHeld(snapshot: Now, receiver: string, type: string, name: string): boolean {
  switch (type) {
    case 'remote': {
      const [cluster = '', namespace = '', service = ''] = name.split('/');
      return isUnknown(snapshot, cluster) && mayBeExported(snapshot, cluster, { namespace, name: service });
    }
    case 'grant': {
      const [namespace = '', service = ''] = name.split('/');
      return isUnknown(snapshot, receiver) && mayBeExported(snapshot, receiver, { namespace, name: service });
    }
    default:
      return false;
  }
}

const isUnknown = ({ intent, observed }: Now, cluster: string): boolean =>
  intent.clusters.get(cluster)?.value.admission === 'ADMITTED' && !(observed.get(cluster)?.synced ?? false);
