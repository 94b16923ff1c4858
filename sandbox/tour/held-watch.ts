import { sleep } from '@isthmus/mesh/process/clock.ts';
import type { Program } from '../processes/spawn.ts';
import type { Tour } from './context.ts';

/** Name to version of what each proxy holds, by proxy and type. */
type Held = ReadonlyMap<string, string>;

/** Looks at what proxies hold, again and again, and keeps what was ever otherwise than at first. */
export class HeldWatch {
  readonly differences = new Set<string>();
  looks = 0;
  readonly #tour: Tour;
  readonly #admins: ReadonlyMap<string, string>;
  readonly #first: Held;
  #watching = true;
  readonly #done: Promise<void>;

  private constructor(tour: Tour, admins: ReadonlyMap<string, string>, first: Held) {
    this.#tour = tour;
    this.#admins = admins;
    this.#first = first;
    this.#done = this.#watch();
  }

  /** The proxies of these clusters. */
  static async start(tour: Tour, clusters: readonly string[]): Promise<HeldWatch> {
    const programs = tour.sandbox.launcher.all().map(({ program }) => program);
    const admins = new Map(
      programs
        .filter(({ name }) => clusters.some((cluster) => name.startsWith(`${cluster}-`)))
        .flatMap((program) => {
          const admin = adminOf(program);
          return admin === undefined ? [] : [[program.name, admin] as const];
        }),
    );
    return new HeldWatch(tour, admins, await heldBy(admins));
  }

  get proxies(): number {
    return this.#admins.size;
  }

  get resources(): number {
    return this.#first.size;
  }

  async stop(): Promise<void> {
    this.#watching = false;
    await this.#done;
  }

  async #watch(): Promise<void> {
    while (this.#watching) {
      const now = await heldBy(this.#admins).catch((error: unknown) => {
        this.differences.add(`a proxy did not say what it holds: ${String(error)}`);
        return this.#first;
      });
      this.looks++;
      for (const name of new Set([...this.#first.keys(), ...now.keys()]))
        if (this.#first.get(name) !== now.get(name))
          this.differences.add(
            `${name}: ${this.#first.get(name) ?? 'absent'} -> ${now.get(name) ?? 'absent'}`,
          );
      await sleep(this.#tour.clock, 250);
    }
  }
}

/** Where a proxy's admin listens; undefined for a program that is not a proxy. */
function adminOf({ flags }: Program): string | undefined {
  const at = flags.indexOf('--admin-address');
  return at < 0 ? undefined : flags[at + 1];
}

async function heldBy(admins: ReadonlyMap<string, string>): Promise<Held> {
  const all = await Promise.all(
    [...admins].map(async ([proxy, address]) => {
      const response = await fetch(`http://${address}:15000/config_dump`, {
        signal: AbortSignal.timeout(5000),
      });
      const { held } = (await response.json()) as { held: Record<string, Record<string, string>> };
      return Object.entries(held).flatMap(([type, versions]) =>
        Object.entries(versions).map(([name, version]) => [`${proxy} ${type} ${name}`, version] as const),
      );
    }),
  );
  return new Map(all.flat());
}
