import { digestsOf, markOf, type Digests } from './digest.ts';
import { formatRejections } from './rejections.ts';
import {
  noVersion,
  type DeltaRequest,
  type DeltaResponse,
  type Rejected,
  type Resource,
  type ResourceType,
} from './messages.ts';

interface Held {
  /** Name to version of everything that was applied and not removed since. Outlives streams. */
  readonly versions: Map<string, string>;
  /** Names that were refused and are held in no version: something may stand in for them. */
  readonly refused: Set<string>;
}

interface Consumed<Type> extends Held {
  readonly type: Type;
  complete: boolean;
  ready: boolean;
}

/** What becomes of a response: its content is to be applied and then settled, or it is answered at once. */
export type Reception =
  | { readonly kind: 'apply'; readonly resources: readonly Resource[]; readonly removed: readonly string[] }
  | { readonly kind: 'answer'; readonly request: DeltaRequest };

/**
 * The consuming end of delta streams, without I/O: it says what to send and remembers what it holds from one stream
 * to the next, so that a reconnect costs only what changed. Responses are settled in the order of their arrival.
 */
export class ClientSession<Type extends ResourceType = ResourceType> {
  readonly #types: ReadonlyMap<ResourceType, Consumed<Type>>;
  #epoch = 0n;
  /** Absent unless the stream was opened by digests. */
  #groupOf: ((type: Type, name: string) => string) | undefined;

  /**
   * `held`: what is held already, e.g. from a disk; type to name to version. `refused`: a name that was refused and
   * is held in no version.
   */
  constructor(
    types: readonly Type[],
    held: ReadonlyMap<ResourceType, ReadonlyMap<string, string>> = new Map(),
  ) {
    this.#types = new Map(
      types.map((type) => [
        type,
        { type, ...parted(held.get(type) ?? new Map()), complete: false, ready: false },
      ]),
    );
  }

  /**
   * The requests that open a stream: one per type, for everything, naming the versions that are held. What was refused is
   * named too, so that the producer sends it again or says that it is gone.
   */
  open(): readonly DeltaRequest[] {
    return [...this.#types].map(([type, consumed]) => ({
      ...request(type, ''),
      initialVersions: new Map(retained(consumed)),
    }));
  }

  /**
   * The same for a producer that reads digests: it asks for the versions of groups that differ. `mark`: `markOf` for
   * names of a type, where many consumers hold the same ones. `kept`: the digests of what is held, of types of which its
   * owner keeps them.
   */
  openByDigests(
    groupOf: (type: Type, name: string) => string,
    mark: (type: Type, name: string, version: string) => bigint = (_type, name, version) =>
      markOf(name, version),
    kept: (type: Type) => Digests | undefined = () => undefined,
  ): readonly DeltaRequest[] {
    this.#groupOf = groupOf;
    return [...this.#types.values()].map((consumed) => ({
      ...request(consumed.type, ''),
      digests:
        kept(consumed.type) ??
        digestsOf(
          retained(consumed),
          (name) => groupOf(consumed.type, name),
          (name, version) => mark(consumed.type, name, version),
        ),
    }));
  }

  /** Takes a response whose content is applied at once, and gives the request that answers it. */
  response(
    response: DeltaResponse,
    apply: (resources: readonly Resource[], removed: readonly string[]) => readonly Rejected[],
  ): DeltaRequest {
    const reception = this.receive(response);
    if (reception.kind === 'answer') return reception.request;
    return this.settle(response, apply(reception.resources, reception.removed));
  }

  /**
   * A type that was not asked for is acknowledged and dropped. An epoch lower than one that was seen is refused: the
   * sender is one that has been replaced.
   */
  receive(response: DeltaResponse): Reception {
    const { type, nonce, systemVersion, resources, removed } = response;
    if (!this.#types.has(type)) return { kind: 'answer', request: request(type, nonce) };
    if (systemVersion.epoch < this.#epoch) {
      const error = `epoch ${systemVersion.epoch} has been replaced by ${this.#epoch}`;
      return { kind: 'answer', request: request(type, nonce, error) };
    }
    this.#epoch = systemVersion.epoch;
    return { kind: 'apply', resources, removed };
  }

  /** Records what was applied and gives the acknowledgement, or the refusal that names what was not. */
  settle(
    { type, nonce, resources, removed, complete, groupsToList = [] }: DeltaResponse,
    rejected: readonly Rejected[],
  ): DeltaRequest {
    const consumed = this.#types.get(type);
    if (consumed) {
      const refused = new Set(rejected.map(({ name }) => name));
      for (const { name, version } of resources)
        if (refused.has(name)) refuse(consumed, name);
        else take(consumed, name, version);
      for (const name of removed) if (!refused.has(name)) forget(consumed, name);
      consumed.complete ||= complete;
      consumed.ready ||= consumed.complete && rejected.every(({ isCovered = false }) => isCovered);
    }
    const answer = request(type, nonce, formatRejections(rejected));
    return groupsToList.length === 0
      ? answer
      : { ...answer, initialVersions: this.#retainedIn(type, new Set(groupsToList)) };
  }

  #retainedIn(type: ResourceType, groups: ReadonlySet<string>): ReadonlyMap<string, string> {
    const consumed = this.#types.get(type);
    const groupOf = this.#groupOf;
    if (!consumed || !groupOf) return new Map();
    return new Map(retained(consumed).filter(([name]) => groups.has(groupOf(consumed.type, name))));
  }

  /** Everything of this type has been received once, and a response was fully applied but for what is covered. */
  ready(type: ResourceType): boolean {
    return this.#types.get(type)?.ready ?? false;
  }

  get allReady(): boolean {
    return [...this.#types.values()].every(({ ready }) => ready);
  }

  /** Everything of every type has been received once, whether all of it could be applied or not. */
  get allComplete(): boolean {
    return [...this.#types.values()].every(({ complete }) => complete);
  }

  /** The epoch of the newest response; 0 before the first. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** Name to version of what is held. */
  held(type: ResourceType): ReadonlyMap<string, string> {
    return this.#types.get(type)?.versions ?? new Map();
  }
}

/** Everything that is held, and what was refused. */
const retained = ({ versions, refused }: Held): readonly (readonly [string, string])[] => [
  ...[...refused].map((name) => [name, noVersion] as const),
  ...versions,
];

function parted(held: ReadonlyMap<string, string>): Held {
  const versions = new Map<string, string>();
  const refused = new Set<string>();
  // In one pass: an agent may hold a hundred thousand, at each new stream.
  for (const [name, version] of held)
    if (version === noVersion) refused.add(name);
    else versions.set(name, version);
  return { versions, refused };
}

function refuse({ versions, refused }: Held, name: string): void {
  if (!versions.has(name)) refused.add(name);
}

function take({ versions, refused }: Held, name: string, version: string): void {
  versions.set(name, version);
  refused.delete(name);
}

function forget({ versions, refused }: Held, name: string): void {
  versions.delete(name);
  refused.delete(name);
}

const request = (type: ResourceType, nonce: string, error = ''): DeltaRequest => ({
  type,
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  nonce,
  error,
});
