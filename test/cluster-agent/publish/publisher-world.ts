import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { formatTouched, type Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import type { Delta } from '@isthmus/cluster-agent/publish/delta.ts';
import { Publisher } from '@isthmus/cluster-agent/publish/publisher.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aWorkload } from '../../fakes/records.ts';
import { byName, emptySnapshot } from '../../fakes/xds-world.ts';

export const port = (number: number): Touched => ({ kind: 'port', port: number });

export function setOf(...keys: readonly Touched[]): ChangeSet {
  const set = new ChangeSet();
  for (const key of keys) set.add(key);
  return set;
}

interface Published {
  readonly at: number;
  readonly keys: readonly Touched[];
}

/** A publisher with a clock and turns of the event loop that a test runs, and what it published. */
export class PublisherWorld {
  readonly clock = new FakeClock();
  readonly published: Published[] = [];
  readonly deltas: Delta[] = [];
  readonly revisions: bigint[] = [];
  /** What follows from any key. */
  consequences: readonly Touched[] = [];
  snapshot: ClusterSnapshot = emptySnapshot;
  /** What follows, part by part, from a key that reaches many. */
  parts: (readonly Touched[])[] = [];
  wide: Touched = { kind: 'network' };
  translations = 0;
  /** How many turns were asked for. */
  asked = 0;
  readonly #turns: (() => void)[] = [];
  readonly publisher: Publisher;

  constructor() {
    const follow = (keys: ChangeSet): ChangeSet => {
      this.translations++;
      const all = setOf(...this.consequences);
      all.merge(keys);
      return all;
    };
    const snapshot = () => this.snapshot;
    const parts = () => this.parts;
    const turn = (run: () => void) => {
      this.asked++;
      this.#turns.push(run);
    };
    this.publisher = new Publisher(
      {
        get snapshot() {
          return snapshot();
        },
        all: () => follow(new ChangeSet()),
        update: (keys) => follow(keys),
        get nextPart() {
          return parts().length > 0 ? 0 : undefined;
        },
        part: () => {
          this.translations++;
          return setOf(...(this.parts.shift() ?? []));
        },
        isWalking: (key) => this.parts.length > 0 && formatTouched(key) === formatTouched(this.wide),
        isWalkingAny: (kind) => this.parts.length > 0 && kind === this.wide.kind,
      },
      [
        {
          published: (delta, _snapshot, { revision }) => {
            this.published.push({ at: this.clock.monotonic(), keys: [...delta.keys] });
            this.deltas.push(delta);
            this.revisions.push(revision);
          },
        },
      ],
      { epoch: 7n, clock: this.clock, turn },
    );
  }

  /** Open, with its first state published a good while ago. */
  static async open(): Promise<PublisherWorld> {
    const world = new PublisherWorld();
    world.publisher.open();
    world.runTurns();
    await world.wait(1000);
    world.published.length = 0;
    world.translations = world.asked = 0;
    return world;
  }

  touch(...keys: readonly Touched[]): void {
    this.publisher.touch(setOf(...keys));
  }

  /** From here on whatever is touched changes a workload that names the policy. */
  nameInWorkload(policy: string): void {
    const workloads = byName(aWorkload({ uid: 'w', authorizationPolicies: [policy] }));
    this.snapshot = { ...emptySnapshot, workloads };
    this.consequences = [{ kind: 'resource', type: typeUrls.address, name: 'w' }];
  }

  runTurns(): void {
    for (const run of this.#turns.splice(0)) run();
  }

  /** Lets time pass, each millisecond with its turn. */
  async wait(millis: number): Promise<void> {
    for (let i = 0; i < millis; i++) {
      this.runTurns();
      await this.clock.advance(1);
    }
    this.runTurns();
  }

  /** When a key was published, in milliseconds after the world was open. */
  timesOf(key: Touched): readonly number[] {
    const text = formatTouched(key);
    return this.published
      .filter(({ keys }) => keys.some((one) => formatTouched(one) === text))
      .map(({ at }) => at - 1000);
  }
}
