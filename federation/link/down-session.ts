import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { awaitedDownTypes, downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import type { DeltaRequest, DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import type { Acknowledgement, ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import type { Receiver } from '../compile/audience.ts';
import type { Catalog } from '../compile/catalog.ts';
import { differences, type Difference } from '../compile/differences.ts';
import type { Now } from '../state/now.ts';
import { isHeld } from './hold.ts';
import type { Interest, SyncSession, Work } from './interest.ts';

interface DownDeps {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  readonly catalog: Catalog;
  readonly interest: Interest;
  readonly now: () => Now;
  /** Something is queued: `next` may have something to say. */
  readonly onWork: () => void;
  readonly onAck: (type: DownType, acknowledgement: Acknowledgement) => void;
}

/**
 * What goes down to one cluster, without I/O. It keeps what its agent holds as the difference from the catalog, so before
 * anything of the catalog is read it catches up with the updates that were queued.
 */
export class DownSession implements SyncSession {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  readonly #deps: DownDeps;
  readonly #server: ServerSession<DownType>;
  readonly #views: ReadonlyMap<string, ProducedResources>;
  readonly #known = new Map<string, SharedVersions>();
  readonly #receiver: Receiver;
  #queued: Work[] = [];

  constructor(deps: DownDeps) {
    const { cluster, trustDomain, catalog } = deps;
    this.cluster = cluster;
    this.trustDomain = trustDomain;
    this.#deps = deps;
    this.#receiver = { cluster, trustDomain };
    this.#views = new Map(downTypes.map((type) => [type, catalog.view(type, this.#receiver)]));
    this.#server = new ServerSession<DownType>({
      types: downTypes,
      lookup: (type) => ({
        resources: this.#view(type),
        systemVersion: catalog.systemVersion,
        complete: true,
      }),
      known: (type, held) => {
        const versions = new SharedVersions(this.#view(type), held);
        this.#known.set(type, versions);
        return versions;
      },
      groupOf: digestGroup,
      namesIn: (type, groups) => catalog.namesIn(type, this.#receiver, groups),
      digests: (type) => catalog.digests(type, this.#receiver),
      hold: (type, name) => this.#hold(type, name),
      onAck: deps.onAck,
    });
    deps.interest.add(this);
  }

  /** How much it remembers by name, for tests. */
  get size(): number {
    return [...this.#known.values()].reduce((sum, { size }) => sum + size, this.#queued.length);
  }

  queue(work: Work): void {
    this.#queued.push(work);
    this.#deps.onWork();
  }

  /** Marks every name of which the agent should hold another version than before. */
  catchUp(): void {
    if (this.#queued.length === 0) return;
    const queued = this.#queued;
    this.#queued = [];
    const [only] = queued;
    if (only?.kind === 'update' && queued.length === 1)
      return this.#mark(differences(only.update, this.#receiver));
    // A name may be in several updates. What is held is what it was before the first.
    const first = new Map<string, Difference>();
    for (const work of queued) {
      if (work.kind === 'released') {
        this.#server.changed(work.type, [work.name]);
        continue;
      }
      for (const one of differences(work.update, this.#receiver)) {
        const key = `${one.type} ${one.name}`;
        if (!first.has(key)) first.set(key, one);
      }
    }
    this.#mark(first.values());
  }

  #mark(all: Iterable<Difference>): void {
    for (const { type, name, before } of all) {
      this.#known.get(type)?.keep(name, before);
      this.#server.changed(type, [name]);
    }
  }

  request(request: DeltaRequest): Result<unknown, string> {
    this.catchUp();
    return this.#server.request(request);
  }

  next(): DeltaResponse | undefined {
    this.catchUp();
    return this.#server.next();
  }

  /** The agent has acknowledged everything that there was for it. */
  get isWhole(): boolean {
    return awaitedDownTypes.every((type) => this.#server.completed(type)) && this.#server.unanswered === 0;
  }

  /** The agent holds what there is for it under a name. */
  isInStep(type: DownType, name: string): boolean {
    return this.#server.acknowledged(type, name) === this.#view(type).get(name)?.version;
  }

  /** The agent holds a version of what there is under a name; undefined: nothing. False until it has said what it holds. */
  holds(type: DownType, name: string, version: string | undefined): boolean {
    this.catchUp();
    return this.#server.completed(type) && this.#server.acknowledged(type, name) === version;
  }

  /** Names that the agent does not hold as they are now; undefined until it has said what it holds. */
  outstanding(type: DownType): Iterable<string> | undefined {
    this.catchUp();
    return this.#server.completed(type) ? this.#server.outstanding(type) : undefined;
  }

  stop(): void {
    this.#deps.interest.remove(this);
    this.#queued = [];
  }

  #view(type: string): ProducedResources {
    return this.#views.get(type) ?? new Map();
  }

  #hold(type: DownType, name: string): boolean {
    const { now, interest } = this.#deps;
    if (!isHeld(now(), this.cluster, type, name)) return false;
    interest.held.add(this, this.cluster, type, name);
    return true;
  }
}
