import { downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import type { Digests } from '@isthmus/mesh/delta/digest.ts';
import type { SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { ChangeSet } from '../observation/change-set.ts';
import type { CompiledVersions, Now } from '../state/now.ts';
import { receives, type Receiver } from './audience.ts';
import { compileOne, compilePolicy } from './compile-one.ts';
import type { CatalogChange, CatalogUpdate, Compiled, CompiledView, Names, SharedType } from './compiled.ts';
import { CompiledTable } from './compiled-table.ts';
import { allNames, reached, touchedServices } from './reach.ts';

/**
 * All that goes down the link: each resource compiled, encoded and hashed once, whatever the number of clusters that
 * receive it, and each policy once for all clusters of a trust domain. It is replaced only by `apply`, so that all types
 are of one revision.
 */
export class Catalog implements CompiledVersions {
  readonly #shared: ReadonlyMap<SharedType, CompiledTable> = new Map(
    downTypes.filter(isShared).map((type) => [type, new CompiledTable()]),
  );
  /** By the trust domain of those who receive them. */
  readonly #policies = new Map<TrustDomain, CompiledTable>();
  #systemVersion: SystemVersion = { epoch: 0n, revision: -1n };

  /** Compiles everything, once. */
  start(now: Now): void {
    this.#compile(now, allNames(now));
    this.#systemVersion = systemVersionOf(now);
  }

  /** The epoch, and the revision that it was made from. */
  get systemVersion(): SystemVersion {
    return this.#systemVersion;
  }

  /** How much it keeps, for tests that nothing stays of what is gone. */
  get size(): number {
    const tables = [...this.#shared.values(), ...this.#policies.values()];
    return tables.reduce((sum, { size }) => sum + size, this.#policies.size);
  }

  /** Compiles what a change reaches. A resource with the version and the audience of before is not a change. */
  apply(changes: ChangeSet, now: Now): CatalogUpdate {
    const services = touchedServices(changes, now);
    const compiled = this.#compile(now, reached(changes, now, services));
    this.#systemVersion = systemVersionOf(now);
    return { compiled };
  }

  get(type: SharedType, name: string): Compiled | undefined {
    return this.#shared.get(type)?.get(name);
  }

  /** As clusters of a trust domain get it. */
  policy(name: string, trustDomain: TrustDomain): Compiled | undefined {
    return this.#policies.get(trustDomain)?.get(name);
  }

  /** What a receiver gets of a type. Filters at each read and copies nothing. */
  view(type: DownType, receiver: Receiver): CompiledView {
    const table = () => this.#table(type, receiver);
    return {
      get(name) {
        const found = table()?.get(name);
        return found && receives(found.audience, receiver) ? found : undefined;
      },
      *keys() {
        for (const { name, audience } of table()?.values() ?? [])
          if (receives(audience, receiver)) yield name;
      },
    };
  }

  /** The digests of what a receiver should hold, by group. */
  digests(type: DownType, receiver: Receiver): Digests {
    return this.#table(type, receiver)?.digests.of(receiver) ?? new Map();
  }

  /** Names in some groups for digests, and maybe more: also those that the receiver does not get. */
  namesIn(type: DownType, receiver: Receiver, groups: Iterable<string>): Iterable<string> {
    return this.#table(type, receiver)?.namesIn(groups) ?? [];
  }

  /** Undefined: nothing is compiled for that trust domain yet. */
  #table(type: DownType, { trustDomain }: Receiver): CompiledTable | undefined {
    return type === 'policy' ? this.#policies.get(trustDomain) : this.#shared.get(type);
  }

  #compile(now: Now, names: Names): readonly CatalogChange[] {
    const policies = this.#compilePolicies(now, names.get('policy') ?? []);
    const shared = [...this.#shared].flatMap(([type, table]) =>
      replaced(table, names.get(type) ?? [], { type, trustDomain: undefined }, (name) =>
        compileOne(now, type, name),
      ),
    );
    return [...policies, ...shared];
  }

  /** `names`: what a change reaches. All are compiled for a trust domain that is new, and none for one without clusters. */
  #compilePolicies(now: Now, names: Iterable<string>): readonly CatalogChange[] {
    const { trustDomains } = now.index;
    const changes: CatalogChange[] = [];
    for (const trustDomain of trustDomains) {
      const known = this.#policies.get(trustDomain);
      const table = known ?? new CompiledTable();
      this.#policies.set(trustDomain, table);
      const due = known ? names : now.intent.accessPolicies.keys();
      const compile = (name: string) => compilePolicy(now, name, trustDomain);
      changes.push(...replaced(table, due, { type: 'policy', trustDomain }, compile));
    }
    for (const [trustDomain, table] of this.#policies) {
      if (trustDomains.has(trustDomain)) continue;
      changes.push(...replaced(table, [...table.names()], { type: 'policy', trustDomain }, () => undefined));
      this.#policies.delete(trustDomain);
    }
    return changes;
  }
}

const systemVersionOf = ({ epoch, intent }: Now): SystemVersion => ({
  epoch: BigInt(epoch),
  revision: BigInt(intent.revision),
});

const isShared = (type: DownType): type is SharedType => type !== 'policy';

/** Compiles names of a table, and gives what differs from before. */
function replaced(
  table: CompiledTable,
  names: Iterable<string>,
  of: Pick<CatalogChange, 'type' | 'trustDomain'>,
  compile: (name: string) => Compiled | undefined,
): readonly CatalogChange[] {
  const changes: CatalogChange[] = [];
  for (const name of names) {
    const before = table.get(name);
    const after = compile(name);
    if (table.replace(name, after)) changes.push({ ...of, name, before, after });
  }
  return changes;
}
