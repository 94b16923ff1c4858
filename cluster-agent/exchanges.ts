import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { ClusterHealth } from './health/cluster-health.ts';
import type { ChangeSet } from './keys/change-set.ts';
import type { Leadership } from './leader/leadership.ts';
import type { HubEpochs } from './link/hub-epochs.ts';
import type { HubLinks } from './link/hub-links.ts';
import type { HubStore } from './link/hub-store.ts';
import type { LinkIdentity } from './link/identity.ts';
import type { ServedReports } from './proxies/serve-reports.ts';
import { ReplicaExchange } from './replicas/replica-exchange.ts';
import type { XdsServer } from './xds/server.ts';

/** What is exchanged, and with whom. */
interface Exchanging {
  readonly options: { readonly replicaListen?: string | undefined; readonly localAddress: string };
  readonly identity: LinkIdentity;
  readonly hub: HubStore;
  readonly epochs: HubEpochs;
  readonly link: HubLinks;
  readonly health: ClusterHealth;
  readonly xds: XdsServer;
  readonly proxies: Pick<ServedReports, 'reports'>;
  readonly leadership: Leadership;
}

/** The exchange with the other replicas of this agent, where it has others. */
export function exchangesOf(
  own: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  { options, identity, hub, epochs, link, health, xds, proxies, leadership }: Exchanging,
  onHubState: (changes: ChangeSet) => void,
): readonly ReplicaExchange[] {
  if (options.replicaListen === undefined) return [];
  const { hubId } = identity;
  const exchange = new ReplicaExchange({
    ...own,
    xds,
    health,
    reports: proxies.reports,
    certificates: link.certificates,
    leadership,
    hubId,
    kept: () => (hub.complete ? hub.kept() : undefined),
    epoch: () => epochs.seen(hubId),
    taking: { hubStore: hub, epochs, hubId, isHubHeard: () => link.connected },
    onHubState(changes) {
      link.viewTaken();
      onHubState(changes);
    },
    localAddress: options.localAddress,
  });
  health.onIssued = (certificate) => exchange.issued(certificate);
  proxies.reports.onReport = (client) => exchange.reported(client);
  return [exchange];
}
