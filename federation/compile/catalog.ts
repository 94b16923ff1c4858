import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import type { Digests } from '@isthmus/mesh/delta/digest.ts';
import type { Moment } from '@isthmus/mesh/delta/messages.ts';
import type { ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import type { ChangeSet } from '../observation/change-set.ts';
import type { CompiledVersions, Now } from '../state/now.ts';
import { isSameAudience, receives, type Receiver } from './audience.ts';
import { compileOne } from './compile-one.ts';
import { CatalogDigests, remotesOf } from './catalog-digests.ts';
import type { AloneFlip, CatalogChange, CatalogUpdate, Compiled, Names } from './compiled.ts';
import { allNames, reached, touchedServices } from './reach.ts';

/**
 * All that goes down the link: each resource compiled, encoded and hashed once, whatever the number of clusters that
 * receive it. It is replaced only by `apply`, so that all types are of one moment.
 */
export class Catalog implements CompiledVersions {
  readonly #byType = new Map<DownType, Map<string, Compiled>>(downTypes.map((type) => [type, new Map()]));
  readonly #digests = new Map<DownType, CatalogDigests>(
    downTypes.map((type) => [type, new CatalogDigests()]),
  );
  /** As of the last `apply`; clusters that have none to themselves are not in it. */
  readonly #alone = new Map<ClusterName, Set<ServiceKey>>();
  #moment: Moment = { epoch: 0n, revision: -1n };

  /** Compiles everything, once. */
  start(now: Now): void {
    this.#compile(now, allNames(now));
    for (const cluster of now.observed.keys())
      for (const service of now.index.exports.alone(cluster)) this.#flip(now, cluster, service);
    this.#moment = momentOf(now);
  }

  /** The epoch, and the revision that it was made from. */
  get moment(): Moment {
    return this.#moment;
  }

  /** How much it keeps, for tests that nothing stays of what is gone. */
  get size(): number {
    const kept = [...this.#byType.values(), ...this.#digests.values()];
    return kept.reduce((sum, { size }) => sum + size, this.#alone.size);
  }

  /** Compiles what a change reaches. A resource with the version and the audience of before is no change. */
  apply(changes: ChangeSet, now: Now): CatalogUpdate {
    const services = touchedServices(changes, now);
    const compiled = this.#compile(now, reached(changes, now, services));
    const changed = new Set(compiled.map(({ type, name }) => (type === 'remote' ? name : '')));
    const flips: AloneFlip[] = [];
    for (const [cluster, keys] of services)
      for (const service of keys) {
        if (!this.#flip(now, cluster, service)) continue;
        const isAlone = now.index.exports.alone(cluster).has(service);
        flips.push({ cluster, service, isAlone, remotes: this.#remotes(now, service, changed) });
      }
    this.#moment = momentOf(now);
    return { compiled, flips };
  }

  get(type: DownType, name: string): Compiled | undefined {
    return this.#byType.get(type)?.get(name);
  }

  names(type: DownType): Iterable<string> {
    return this.#byType.get(type)?.keys() ?? [];
  }

  /** What decides what a cluster receives, as of the last `apply`. */
  receiver(cluster: ClusterName): Receiver {
    return { cluster, alone: new Set(this.#alone.get(cluster)) };
  }

  /** What a receiver gets of a type. Filters at each read and copies nothing. */
  view(type: DownType, receiver: () => Receiver): ProducedResources {
    const all = this.#byType.get(type) ?? new Map<string, Compiled>();
    return {
      get(name) {
        const found = all.get(name);
        return found && receives(found.audience, receiver()) ? found : undefined;
      },
      *keys() {
        for (const { name, audience } of all.values()) if (receives(audience, receiver())) yield name;
      },
    };
  }

  /** The digests of what a receiver should hold, by group. */
  digests(
    type: DownType,
    receiver: Receiver,
    exporters: (service: ServiceKey) => Iterable<ClusterName>,
  ): Digests {
    const remotes = (service: ServiceKey) =>
      type === 'remote' ? remotesOf(service, exporters(service), (name) => this.get(type, name)) : [];
    return this.#digests.get(type)?.of(receiver, remotes) ?? new Map();
  }

  #compile(now: Now, names: Names): readonly CatalogChange[] {
    return [...names].flatMap(([type, ofType]) =>
      [...ofType].flatMap((name): CatalogChange[] => {
        const before = this.get(type, name);
        const after = compileOne(now, type, name);
        if (isSame(before, after)) return [];
        this.#digests.get(type)?.replace(before, after);
        if (after) this.#byType.get(type)?.set(name, after);
        else this.#byType.get(type)?.delete(name);
        return [{ type, name, before, after }];
      }),
    );
  }

  #remotes(now: Now, service: ServiceKey, except: ReadonlySet<string>): readonly Compiled[] {
    const all = remotesOf(service, now.index.exports.exporters(service), (name) => this.get('remote', name));
    return all.filter(({ name }) => !except.has(name));
  }

  /** Whether it was another answer before. */
  #flip(now: Now, cluster: ClusterName, service: ServiceKey): boolean {
    const known = this.#alone.get(cluster) ?? new Set<ServiceKey>();
    const isAlone = now.index.exports.alone(cluster).has(service);
    if (known.has(service) === isAlone) return false;
    if (isAlone) known.add(service);
    else known.delete(service);
    if (known.size > 0) this.#alone.set(cluster, known);
    else this.#alone.delete(cluster);
    return true;
  }
}

const momentOf = ({ epoch, intent }: Now): Moment => ({
  epoch: BigInt(epoch),
  revision: BigInt(intent.revision),
});

const isSame = (before: Compiled | undefined, after: Compiled | undefined): boolean =>
  before && after
    ? before.version === after.version && isSameAudience(before.audience, after.audience)
    : before === after;
