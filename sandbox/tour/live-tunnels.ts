import { sleep } from '@isthmus/mesh/process/clock.ts';
import { KeptLoad, type KeptConnection } from '../observe/kept-load.ts';
import { until } from '../processes/wait.ts';
import { aim } from './addresses.ts';
import type { Report, Tour } from './context.ts';

/** Longer than any server here lets a silent connection live. */
const oldMillis = 7000;

/** Kept connections of a kind: those between the revoked cluster and another, and beside them those that are not. */
interface Kind {
  readonly name: string;
  readonly load: KeptLoad;
  readonly crosses: (connection: KeptConnection) => boolean;
}

/** Connections to the store that cross to or from south, both ways and in both modes, with others beside them. */
export class LiveTunnels {
  readonly #tour: Tour;
  readonly #kinds: readonly Kind[];
  readonly #opened: number;

  private constructor(tour: Tour, kinds: readonly Kind[]) {
    this.#tour = tour;
    this.#kinds = kinds;
    this.#opened = tour.clock.monotonic();
  }

  static async open(tour: Tour): Promise<LiveTunnels> {
    const { sandbox, clock } = tour;
    const load = (cluster: string, pod: string, crosses: Kind['crosses']) =>
      new KeptLoad(aim(sandbox, { cluster, pod }, 'store'), 20, clock).startUntil(
        (all) => all.filter(crosses).length >= 2,
      );
    const outOfSouth = ({ cluster }: KeptConnection) => cluster !== 'south';
    const intoSouth = ({ cluster }: KeptConnection) => cluster === 'south';
    const kind = async (name: string, cluster: string, pod: string, crosses: Kind['crosses']) => ({
      name,
      crosses,
      load: await load(cluster, pod, crosses),
    });
    return new LiveTunnels(tour, [
      await kind('out of south, ambient', 'south', 'orders-ambient', outOfSouth),
      await kind('out of south, sidecar', 'south', 'orders-sidecar', outOfSouth),
      await kind('into south', 'east', 'frontend', intoSouth),
    ]);
  }

  /** Nothing but the revocation may be what ends them. */
  async outliveIdleness(report: Report): Promise<void> {
    const { clock } = this.#tour;
    await sleep(clock, Math.max(0, this.#opened + oldMillis - clock.monotonic()));
    for (const { name, load, crosses } of this.#kinds) {
      const crossing = load.connections().filter(crosses);
      const live = crossing.filter(({ endedAt }) => endedAt === undefined);
      report.expect(
        `tunnels ${name} live before, for more than ${oldMillis / 1000} s`,
        `${live.length} of ${crossing.length}`,
        live.length > 0 && live.length === crossing.length,
      );
    }
  }

  /** `since`: when the revocation was asked for. */
  async close(since: number, report: Report): Promise<void> {
    const { clock, timeScale } = this.#tour;
    for (const { name, load, crosses } of this.#kinds) {
      const open = () => load.connections().filter((one) => crosses(one) && one.endedAt === undefined);
      const options = { within: 15_000 * timeScale, every: 20 };
      await until(clock, 'their end', () => (open().length === 0 ? true : undefined), options).catch(
        () => false,
      );
      const ends = load
        .connections()
        .filter(crosses)
        .map(({ endedAt = Infinity }) => endedAt - since);
      report.within(`the last of ${ends.length} tunnels ${name} has closed`, Math.max(...ends), 5000);
    }
    const beside = this.#kinds.flatMap(({ load, crosses }) =>
      load.connections().filter((one) => !crosses(one)),
    );
    const lost = beside.filter(({ endedAt }) => endedAt !== undefined).length;
    report.expect(
      'connections that do not cross to or from south stay',
      `${beside.length - lost} of ${beside.length}`,
      lost === 0 && beside.length > 0,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#kinds.map(({ load }) => load.stop()));
  }
}
