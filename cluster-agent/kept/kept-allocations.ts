import type { Condition } from '@isthmus/api/domain/condition.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { configMaps } from '@isthmus/api/kube/resources.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { AllocationIndex } from './allocation-index.ts';
import {
  bytesOf,
  maxPartBytes,
  maxParts,
  partName,
  partObject,
  readPart,
  type AllocationPart,
} from './allocation-part.ts';
import { addressFor, isIn, type ReservedBlock } from './reserved-block.ts';
import { untilAnswered } from './until-answered.ts';

interface Deps {
  readonly server: Pick<ApiServer, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly block: ReservedBlock;
  /** These services have another address now, or none. */
  readonly onKept: (services: readonly string[]) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** `left`: bytes for more entries. */
interface Part extends AllocationPart {
  readonly left: number;
}

const empty: Part = { resourceVersion: undefined, entries: new Map(), left: maxPartBytes - 2 };

/**
 * Addresses of services out of a block, in ConfigMaps, each of which all replicas of an agent write: the first write
 * counts, and who comes later takes what is there. An address is had once it is kept, so that no other replica and no
 * successor gives it to another service while a client may still call it.
 */
export class KeptAllocations {
  readonly #deps: Deps;
  readonly #parts: Part[] = [];
  readonly #kept = new AllocationIndex();
  /** Services whose address is another since `onKept` was last called. */
  readonly #changed = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #dropped = new Set<string>();
  readonly #unplaced = new Set<string>();
  #running = false;
  #failure: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Reads what was kept before. Tries until the API server answers; rejects only when the agent stops. */
  async restore(): Promise<void> {
    for (let number = 0; number < maxParts; number++)
      await this.#untilAnswered(`read ${partName(number)}`, () => this.#readPart(number));
    this.#changed.clear();
  }

  /** Undefined: none is kept. */
  get(service: string): string | undefined {
    return this.#kept.get(service);
  }

  services(): Iterable<string> {
    return this.#kept.services();
  }

  /** `onKept` says when the service has one. */
  want(service: string): void {
    this.#dropped.delete(service);
    if (this.#kept.get(service) !== undefined) return;
    this.#wanted.add(service);
    this.#run();
  }

  /** Gives an address back. */
  drop(service: string): void {
    this.#wanted.delete(service);
    this.#unplaced.delete(service);
    if (this.#kept.get(service) === undefined) return;
    this.#dropped.add(service);
    this.#run();
  }

  conditions(): readonly Condition[] {
    return [...this.#fullCondition(), ...this.#failureCondition()];
  }

  #fullCondition(): readonly Condition[] {
    if (this.#unplaced.size === 0) return [];
    const some = [...this.#unplaced].slice(0, 3).join(', ');
    return [
      {
        type: 'Addressed',
        status: 'False',
        reason: 'BLOCK_FULL',
        severity: 'ERROR',
        object: '',
        message: `${this.#unplaced.size} services that are only in other clusters have no address here, such as ${some}: ${this.#deps.block.text} has no more`,
        remedy: 'give the agent a larger block (--remote-service-addresses), or export fewer services to it',
      },
    ];
  }

  #failureCondition(): readonly Condition[] {
    if (this.#failure === undefined) return [];
    const waiting = this.#wanted.size;
    return [
      {
        type: 'Addressed',
        status: 'False',
        reason: 'ADDRESSES_NOT_KEPT',
        severity: 'WARNING',
        object: '',
        message: `${waiting} services that are only in other clusters wait for an address, as it cannot be kept: ${this.#failure}`,
        remedy: `let the agent's role get, create and update ConfigMaps ${partName(0)} to ${partName(maxParts - 1)} in namespace ${this.#deps.namespace}, and check that the API server is reachable; the agent tries again by itself`,
      },
    ];
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#work().catch((error: unknown) => {
      if (!this.#deps.signal.aborted) this.#deps.log.error({ error: String(error) }, 'allocations stopped');
    });
  }

  /** What came in one turn is written at once. */
  async #work(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#wanted.size > 0 || this.#dropped.size > 0)
        for (const [number, entries] of this.#plan())
          await this.#untilAnswered(`write ${partName(number)}`, () => this.#write(number, entries));
    } finally {
      // At once: what is wanted after the last look begins again.
      this.#running = false;
    }
  }

  /** Parts with what they are to have; the wanted ones that find no room wait no longer. */
  #plan(): ReadonlyMap<number, ReadonlyMap<string, string>> {
    const planned = new Map<number, Map<string, string>>();
    const entriesOf = (number: number) => {
      const entries = planned.get(number) ?? new Map(this.#parts[number]?.entries);
      planned.set(number, entries);
      return entries;
    };
    for (const service of this.#dropped) {
      const number = this.#parts.findIndex(({ entries }) => entries.has(service));
      if (number >= 0) entriesOf(number).delete(service);
      else this.#dropped.delete(service);
    }
    const given = new Set<string>();
    const room = this.#parts.map(({ left }) => left);
    for (const service of this.#wanted) {
      const address = addressFor(
        service,
        this.#deps.block,
        (one) => this.#kept.isTaken(one) || given.has(one),
      );
      const bytes = bytesOf(service, address ?? '');
      const number = room.findIndex((left) => left >= bytes);
      if (address === undefined || number < 0) {
        this.#wanted.delete(service);
        this.#unplaced.add(service);
        continue;
      }
      given.add(address);
      room[number] = (room[number] ?? 0) - bytes;
      entriesOf(number).set(service, address);
    }
    return planned;
  }

  async #write(number: number, entries: ReadonlyMap<string, string>): Promise<void> {
    const { server, namespace } = this.#deps;
    const { resourceVersion } = this.#parts[number] ?? empty;
    const object = partObject(namespace, number, { resourceVersion, entries });
    const place = { namespace, name: partName(number) };
    try {
      const written =
        resourceVersion === undefined
          ? await server.create(configMaps, namespace, object)
          : await server.replace(configMaps, place, object);
      this.#take(number, written);
    } catch (error) {
      if (!(error instanceof ApiFailure) || !isOther(error)) throw error;
      // Another replica has written, or somebody has deleted it: what is still wanted is planned again.
      await this.#readPart(number);
    }
    this.#settle();
  }

  async #readPart(number: number): Promise<void> {
    const { server, namespace } = this.#deps;
    try {
      this.#take(number, await server.get(configMaps, { namespace, name: partName(number) }));
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.code !== 'API_NOT_FOUND') throw error;
      this.#hold(number, empty);
    }
  }

  #take(number: number, object: unknown): void {
    const read = readPart(object);
    if (!read.ok) throw new ApiFailure('API_MALFORMED', read.error);
    const { part, damage } = read.value;
    // Of another block, or written by somebody else: the next write of the part leaves it out.
    const entries = new Map([...part.entries].filter(([, address]) => isIn(address, this.#deps.block)));
    this.#hold(number, { ...part, entries, left: roomIn(entries) });
    if (damage !== undefined)
      this.#deps.log.warn({ configMap: partName(number), damage }, 'allocations are given again');
  }

  #hold(number: number, part: Part): void {
    this.#parts[number] = part;
    for (const service of this.#kept.replace(number, part.entries)) this.#changed.add(service);
  }

  /** What has its address is wanted no longer; says which services have another one. */
  #settle(): void {
    const isKept = (service: string) => this.#kept.get(service) !== undefined;
    for (const service of this.#wanted) if (isKept(service)) this.#wanted.delete(service);
    for (const service of this.#dropped) if (!isKept(service)) this.#dropped.delete(service);
    const changed = [...this.#changed];
    this.#changed.clear();
    if (!changed.every(isKept)) this.#tryUnplaced();
    if (changed.length > 0) this.#deps.onKept(changed);
  }

  #tryUnplaced(): void {
    for (const service of this.#unplaced) this.#wanted.add(service);
    this.#unplaced.clear();
  }

  async #untilAnswered(what: string, call: () => Promise<void>): Promise<void> {
    await untilAnswered(this.#deps, call, (why) => {
      this.#failure = why;
      this.#deps.log.warn({ error: why }, `the agent could not ${what}; trying again`);
    });
    this.#failure = undefined;
  }
}

const isOther = ({ code }: ApiFailure): boolean => code === 'API_CONFLICT' || code === 'API_NOT_FOUND';

function roomIn(entries: ReadonlyMap<string, string>): number {
  let bytes = 2;
  for (const [service, address] of entries) bytes += bytesOf(service, address);
  return maxPartBytes - bytes;
}
