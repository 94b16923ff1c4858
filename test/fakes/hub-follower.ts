import type { DownType } from '@isthmus/api/wire/link.ts';
import { ChangeSet, type HubResource } from '@isthmus/cluster-agent/keys/change-set.ts';
import { HubResources } from '@isthmus/cluster-agent/view/hub-resources.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';

const types: Readonly<Record<keyof HubView, DownType>> = {
  addresses: 'hub-address',
  bundles: 'trust-bundle',
  intermediates: 'intermediate',
  activations: 'activation',
  policies: 'policy',
  traffic: 'traffic',
  trafficShifts: 'diversion',
  members: 'member',
  grants: 'grant',
  remotes: 'remote',
};

/** Resources of the hub that become what a test says in whole. */
export class HubFollower extends HubResources {
  #seen = emptyHubView;

  /** Gives what differs: values that are other objects. */
  update(next: HubView): ChangeSet {
    const changes = new ChangeSet();
    for (const [field, type] of Object.entries(types) as [keyof HubView, DownType][]) {
      const now: ReadonlyMap<string, HubResource> = next[field];
      for (const [name, value] of now) this.set(type, name, value, changes);
      for (const name of this.#seen[field].keys()) if (!now.has(name)) this.delete(type, name, changes);
    }
    this.#seen = next;
    return changes;
  }
}
