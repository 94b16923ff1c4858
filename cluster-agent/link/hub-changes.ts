import type { Log } from '@isthmus/mesh/process/log.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import { hubAddressName, type HubView } from '../view/hub-view.ts';
import type { Renewals } from './renewals.ts';

interface Deps {
  readonly hub: Pick<HubView, 'activations' | 'addresses'>;
  readonly renewals: Pick<Renewals, 'look' | 'hubIsAt'>;
  readonly issuer: Pick<WorkloadIssuer, 'activate' | 'currentKeyId'>;
  /** Publishes what changed. */
  readonly publish: (changes: ChangeSet) => void;
  /** The time of what is due may be another. */
  readonly arm: () => void;
  readonly log: Log;
}

/** Key ids of the intermediates that the hub lets sign. */
export const activated = ({ activations }: Pick<HubView, 'activations'>): ReadonlySet<string> =>
  new Set(activations.keys());

/** host:port; none: the hub does not know, or is of a version that does not say it. */
export const hubAddresses = ({ addresses }: Pick<HubView, 'addresses'>): readonly string[] =>
  addresses.get(hubAddressName)?.linkEndpoints ?? [];

/** What the agent does when the hub's view has changed. */
export const hubChanges =
  ({ hub, renewals, issuer, publish, arm, log }: Deps) =>
  (changes: ChangeSet): void => {
    // First: a revoked intermediate must not sign for proxies that have just heard of it.
    renewals.look();
    renewals.hubIsAt(hubAddresses(hub));
    if (issuer.activate(activated(hub))) log.info({ keyId: issuer.currentKeyId }, 'intermediate active');
    publish(changes);
    arm();
  };
