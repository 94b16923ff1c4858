import {
  parseServiceKey,
  type ClusterName,
  type ServiceKey,
  type Subject,
} from '@isthmus/api/domain/names.ts';
import type { IntentKind, IntentOf, Stored } from '../store/store.ts';

/** What the hub knows of itself and neither stores nor gets from clusters. */
type HubPart = 'outside';

/** The names of what differs since the listeners ran last. What it says of a name is where to look, not what is there. */
export interface ChangeSet {
  /** By kind: each object that was written or removed, and what it was before; undefined: it was not there. */
  readonly intent: ReadonlyMap<IntentKind, ReadonlyMap<string, Stored | undefined>>;
  /** Services whose report or endpoint counts differ, and those that are new or gone. */
  readonly services: ReadonlyMap<ClusterName, ReadonlySet<ServiceKey>>;
  /** Clusters whose gateways, or whose ownership of a gateway's address, differ. */
  readonly gateways: ReadonlySet<ClusterName>;
  /** Clusters that report something else about themselves. */
  readonly reports: ReadonlySet<ClusterName>;
  /** Clusters whose link has begun, is whole, or has ended. */
  readonly links: ReadonlySet<ClusterName>;
  /** What is acknowledged otherwise than before, and by which clusters. */
  readonly applied: ReadonlyMap<Subject, ReadonlySet<ClusterName>>;
  /** Clusters of which something that is shown of them differs, ages aside. */
  readonly shown: ReadonlySet<ClusterName>;
  /** Clusters of which nothing is observed any more. */
  readonly forgotten: ReadonlySet<ClusterName>;
  /** What of the hub itself differs: where it is reached. */
  readonly hub: ReadonlySet<HubPart>;
}

/** A change set that is being filled. */
export class CollectedChanges implements ChangeSet {
  readonly intent = new Map<IntentKind, Map<string, Stored | undefined>>();
  readonly services = new Map<ClusterName, Set<ServiceKey>>();
  readonly gateways = new Set<ClusterName>();
  readonly reports = new Set<ClusterName>();
  readonly links = new Set<ClusterName>();
  readonly applied = new Map<Subject, Set<ClusterName>>();
  readonly shown = new Set<ClusterName>();
  readonly forgotten = new Set<ClusterName>();
  readonly hub = new Set<HubPart>();

  /** Of several writes of one object the first one's `before` stays. */
  wrote(kind: IntentKind, id: string, before: Stored | undefined): void {
    const ofKind = this.intent.get(kind) ?? new Map<string, Stored | undefined>();
    this.intent.set(kind, ofKind);
    if (!ofKind.has(id)) ofKind.set(id, before);
  }

  service(cluster: ClusterName, key: ServiceKey): void {
    addTo(this.services, cluster, key);
  }

  acknowledged(subject: Subject, cluster: ClusterName): void {
    addTo(this.applied, subject, cluster);
  }

  get isEmpty(): boolean {
    return Object.values(this).every((names: { readonly size: number }) => names.size === 0);
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  if (known) known.add(value);
  else sets.set(key, new Set([value]));
}

/** Whether an object of one of these kinds was written or removed. */
export const touches = ({ intent }: ChangeSet, ...kinds: readonly IntentKind[]): boolean =>
  kinds.some((kind) => intent.has(kind));

const none: ReadonlyMap<string, never> = new Map<string, never>();

/** The objects of a kind that were written or removed, and what each was before. */
export const written = <K extends IntentKind>(
  { intent }: ChangeSet,
  kind: K,
): ReadonlyMap<string, Stored<IntentOf<K>> | undefined> =>
  // `wrote` is called with what the map of the same kind had: the type of a map cannot say so of its keys.
  (intent.get(kind) ?? none) as ReadonlyMap<string, Stored<IntentOf<K>> | undefined>;

/** Of these kinds the id of an object is the key of the service that it is about. */
type AboutService = 'serviceExport' | 'exportApproval' | 'trafficPolicy';

/** Services about which an object of one of these kinds was written or removed. */
export function* writtenServices(
  changes: ChangeSet,
  ...kinds: readonly AboutService[]
): Iterable<ServiceKey> {
  for (const kind of kinds)
    for (const id of written(changes, kind).keys()) {
      const key = parseServiceKey(id);
      if (key !== undefined) yield key;
    }
}

/** Adds what `changes` names to `all`, which has collected earlier ones. */
export function addChanges(all: CollectedChanges, changes: ChangeSet): void {
  for (const [kind, objects] of changes.intent)
    for (const [id, before] of objects) all.wrote(kind, id, before);
  for (const [cluster, keys] of changes.services) for (const key of keys) all.service(cluster, key);
  for (const [subject, clusters] of changes.applied)
    for (const cluster of clusters) all.acknowledged(subject, cluster);
  for (const names of ['gateways', 'reports', 'links', 'shown', 'forgotten'] as const)
    for (const cluster of changes[names]) all[names].add(cluster);
  for (const part of changes.hub) all.hub.add(part);
}
