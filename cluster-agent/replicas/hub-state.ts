import type { HubStatePage } from '@isthmus/api/domain/replica.ts';
import { sharedLimits } from '@isthmus/api/domain/replica.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { ChangeSet } from '../keys/change-set.ts';
import type { HubEpochs } from '../link/hub-epochs.ts';
import type { HubStore } from '../link/hub-store.ts';

/** Bytes of bodies in one page, beyond its first resource. */
const pageBytes = 512 * 1024;
/** Of all pages: what a hub sends to one cluster of a federation of 2,000 is some 100 MB. */
export const maxBytes = 512 * 1024 * 1024;

/** A resource of the hub as it is kept on disk. */
export interface Kept {
  readonly type: DownType;
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
}

/** Everything that the hub has sent to this replica, in pages; the last one says that it is everything. */
export function* pagesOf(kept: Iterable<Kept>, epoch: bigint): Generator<HubStatePage> {
  const byType = [...kept].sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
  let page: Kept[] = [];
  let bytes = 0;
  const take = (complete: boolean): HubStatePage => {
    const [first] = page;
    const resources = page.map(({ name, version, body }) => ({ name, version, body }));
    page = [];
    bytes = 0;
    return { type: first?.type ?? '', resources, complete, epoch };
  };
  for (const one of byType) {
    const isFull = bytes >= pageBytes || page.length >= sharedLimits.entries;
    if (page.length > 0 && (isFull || page[0]?.type !== one.type)) yield take(false);
    page.push(one);
    bytes += one.body.length;
  }
  yield take(true);
}

interface TakingDeps {
  readonly hubStore: Pick<HubStore, 'complete' | 'apply' | 'completed'>;
  readonly epochs: Pick<HubEpochs, 'admit'>;
  readonly hubId: string;
  /** The hub itself has been heard: it knows better. */
  readonly isHubHeard: () => boolean;
}

/**
 * What another replica has of the hub, for one that has nothing: it is taken as a whole, once all pages are there, and not
 * when the hub itself has been heard meanwhile. Undefined: it was not taken.
 */
export function takeHubState(pages: readonly HubStatePage[], deps: TakingDeps): ChangeSet | undefined {
  const { hubStore, epochs, hubId, isHubHeard } = deps;
  const last = pages.at(-1);
  if (!last?.complete || hubStore.complete || isHubHeard() || !epochs.admit(hubId, last.epoch))
    return undefined;
  const changes = new ChangeSet();
  for (const { type, resources } of pages) {
    const applied = resources.length > 0 ? hubStore.apply(type, resources, []) : undefined;
    for (const key of applied?.changes ?? []) changes.add(key);
  }
  hubStore.completed();
  return changes;
}
