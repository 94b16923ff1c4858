import { accessLines, type AccessLine } from '../../observe/access-log.ts';
import { until } from '../../processes/wait.ts';
import type { Report, Step, Tour } from '../context.ts';

interface Path {
  readonly name: string;
  /** Proxies at each end, any of which may have carried it. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly source: string;
  readonly destination: string;
}

const eastNodes = ['east-ztunnel-east-a', 'east-ztunnel-east-b'];
const westCatalogue = ['west-catalogue-1-sidecar', 'west-catalogue-2-sidecar'];

/** Every way from one mode to another that the first mesh has, inside a network and across. */
const paths: readonly Path[] = [
  {
    name: 'inside, ambient to ambient',
    from: eastNodes,
    to: eastNodes,
    source: 'frontend',
    destination: 'catalogue',
  },
  {
    name: 'across, ambient to ambient',
    from: eastNodes,
    to: ['south-ztunnel-south-a'],
    source: 'frontend',
    destination: 'cart',
  },
  {
    name: 'across, ambient to sidecar',
    from: eastNodes,
    to: ['west-cart-sidecar'],
    source: 'frontend',
    destination: 'cart',
  },
  {
    name: 'across, sidecar to ambient',
    from: ['west-cart-sidecar'],
    to: eastNodes,
    source: 'cart',
    destination: 'catalogue',
  },
  {
    name: 'inside, sidecar to sidecar',
    from: ['west-cart-sidecar'],
    to: westCatalogue,
    source: 'cart',
    destination: 'catalogue',
  },
  {
    name: 'across, ambient to sidecar by catalogue',
    from: eastNodes,
    to: westCatalogue,
    source: 'frontend',
    destination: 'catalogue',
  },
  {
    name: 'inside, ambient to sidecar, server first',
    from: ['south-ztunnel-south-a'],
    to: ['south-store-sidecar'],
    source: 'orders',
    destination: 'store',
  },
  {
    name: 'across, sidecar to ambient, server first',
    from: ['south-orders-sidecar-sidecar'],
    to: eastNodes,
    source: 'orders',
    destination: 'store',
  },
];

/** Calls inside and across networks, and who each end's access log says they were between. */
export const identities: Step = {
  title: 'calls inside and across networks, with both identities in both logs',
  async run(tour: Tour, report: Report) {
    for (const path of paths) {
      const outbound = await lineOf(tour, path, path.from, 'outbound');
      const inbound = await lineOf(tour, path, path.to, 'inbound');
      report.expect(
        `${path.name}: the source's log has both identities`,
        text(outbound),
        both(outbound, path),
      );
      report.expect(
        `${path.name}: the destination's log has both identities`,
        text(inbound),
        both(inbound, path),
      );
    }
  },
};

/** The steady traffic takes every path sooner or later; undefined when it did not within 20 s. */
async function lineOf(
  tour: Tour,
  path: Path,
  proxies: readonly string[],
  direction: string,
): Promise<AccessLine | undefined> {
  const look = () =>
    proxies
      .flatMap((name) => accessLines(tour.sandbox.launcher.get(name)?.log() ?? ''))
      .find((line) => line['direction'] === direction && line['error'] === undefined && both(line, path));
  try {
    return await until(tour.clock, path.name, look, { within: 20_000 * tour.timeScale, every: 250 });
  } catch {
    return undefined;
  }
}

const both = (line: AccessLine | undefined, { source, destination }: Path): boolean =>
  line?.['src.identity'] === `spiffe://cluster.local/ns/shop/sa/${source}` &&
  line['dst.identity'] === `spiffe://cluster.local/ns/shop/sa/${destination}`;

const text = (line: AccessLine | undefined): string =>
  line === undefined ? 'no such line' : `${short(line['src.identity'])} -> ${short(line['dst.identity'])}`;

const short = (identity: string | undefined): string =>
  identity?.replace('spiffe://cluster.local/', '') ?? 'nobody';
