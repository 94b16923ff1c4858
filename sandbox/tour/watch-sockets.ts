import { sleep } from '@isthmus/mesh/process/clock.ts';
import { bothLocalhost, isOurLocalhost, judge, type Map16, type Verdict } from '../observe/networks.ts';
import { socketInodes } from '../observe/owned-sockets.ts';
import { hasTwoEnds, isTimeWait, readTable, type SocketRow } from '../observe/socket-table.ts';
import { gatewayAddresses } from './addresses.ts';
import type { Report, Tour } from './context.ts';

const watchMillis = 30_000;
const everyMillis = 100;

export function mapOf({ sandbox }: Tour): Map16 {
  return {
    octet: sandbox.place.octet,
    gateways: new Set(Object.values(gatewayAddresses(sandbox))),
    agents: new Set(sandbox.clusters.map(({ agentAddress }) => agentAddress)),
    localhostPorts: new Set([sandbox.endpoint.url, sandbox.shopUrl].map((url) => Number(new URL(url).port))),
  };
}

/** Why connections in the kernel's table should not be, of one look at it. */
export function forbiddenNow(map: Map16): readonly string[] {
  return readTable()
    .filter(hasTwoEnds)
    .map((row) => judge(row, map))
    .flatMap((verdict) => (verdict.kind === 'forbidden' ? [verdict.why] : []));
}

/** What 300 looks at the table have found, each connection once. */
class Seen {
  readonly byKind = new Map<Verdict['kind'], Set<string>>();
  readonly bad = new Set<string>();
  readonly timeWait = new Set<string>();
  readonly #map: Map16;

  constructor(map: Map16) {
    this.#map = map;
  }

  look(ours: ReadonlySet<string>): void {
    for (const row of readTable().filter(hasTwoEnds)) {
      const verdict = judge(row, this.#map);
      const name = nameOf(row);
      if (verdict.kind === 'elsewhere') this.#localhost(row, name, ours);
      else {
        this.#count(verdict.kind, name);
        if (isTimeWait(row)) this.timeWait.add(name);
        if (verdict.kind === 'forbidden') this.bad.add(verdict.why);
      }
    }
  }

  count(kind: Verdict['kind']): number {
    return this.byKind.get(kind)?.size ?? 0;
  }

  /** Connections of localhost with itself are judged only where one of our processes has them open. */
  #localhost(row: SocketRow, name: string, ours: ReadonlySet<string>): void {
    if (!bothLocalhost(row) || !ours.has(row.inode)) return;
    if (isOurLocalhost(row, this.#map)) this.#count('localhost', name);
    else this.bad.add(`${name} is neither the API nor the listener`);
  }

  #count(kind: Verdict['kind'], name: string): void {
    const names = this.byKind.get(kind) ?? new Set();
    this.byKind.set(kind, names.add(name));
  }
}

const nameOf = ({ local, localPort, remote, remotePort }: SocketRow): string =>
  `${local}:${localPort} - ${remote}:${remotePort}`;

/** The kernel's table, read every 100 ms for 30 s of traffic. */
export async function watchSockets(tour: Tour, map: Map16, report: Report): Promise<void> {
  const { sandbox, clock, traffic } = tour;
  const { sent, failed } = traffic;
  const seen = new Seen(map);
  const ours = () => socketInodes(sandbox.pids());
  const start = clock.monotonic();
  for (let look = 0; clock.monotonic() - start < watchMillis; look++) {
    // Finding out which process has a socket open costs more than seeing the socket.
    seen.look(look % 10 === 0 ? ours() : new Set());
    await sleep(clock, everyMillis);
  }
  const visits = traffic.sent - sent;
  const lost = traffic.failed - failed;
  report.expect(
    '30 s of steady traffic ran meanwhile, and none of it failed',
    `${visits} visits, ${lost} failed`,
    visits > 50 && lost === 0,
  );
  tell(sandbox.rowsBefore, seen, report);
}

function tell(rowsBefore: number, seen: Seen, report: Report): void {
  report.expect('the /16 was empty before', `${rowsBefore} sockets`, rowsBefore === 0);
  const kinds = ['inside one network', 'at a gateway', 'link', 'localhost'] as const;
  report.expect(
    'connections of every class were seen',
    kinds.map((kind) => `${seen.count(kind)} ${kind}`).join(', '),
    kinds.every((kind) => seen.count(kind) > 0),
  );
  report.expect(
    'connections that were (TIME_WAIT) are among them',
    String(seen.timeWait.size),
    seen.timeWait.size > 50,
  );
  report.expect(
    'no connection crosses networks except at a gateway; none reaches the hub',
    seen.bad.size === 0 ? '0' : `${seen.bad.size}: ${[...seen.bad].slice(0, 3).join('; ')}`,
    seen.bad.size === 0,
  );
}
