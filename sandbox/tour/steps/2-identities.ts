import { sleep } from '@isthmus/mesh/process/clock.ts';
import type { Report, Step, Tour } from '../context.ts';
import { paths, type Path } from '../paths.ts';
import { findCall, type LoggedCall } from '../logged-calls.ts';

const rounds = 80;
/** Longer than anything that the steady traffic asks for. */
const shortest = 120;

/** Calls inside and across networks, and who each end's access log says they were between. */
export const identities: Step = {
  title: 'calls inside and across networks, with both identities in both logs',
  async run(tour: Tour, report: Report) {
    const since = new Map(tour.sandbox.launcher.all().map((one) => [one.program.name, one.log().length]));
    const found = new Map<Path, LoggedCall>();
    const missing = () => paths.filter((path) => !found.has(path));
    for (let round = 0; round < rounds && missing().length > 0; round++) {
      await callAll(tour, 'x'.repeat(shortest + round));
      await sleep(tour.clock, 150);
      for (const path of missing()) {
        const call = findCall(tour.sandbox, path, since, shortest);
        if (call) found.set(path, call);
      }
    }
    for (const path of paths)
      report.expect(
        `${path.name}: one call, logged by both ends with both identities${path.gatewayPort ? `, through the gateway at ${path.gatewayPort}` : ''}`,
        text(found.get(path)),
        found.has(path),
      );
  },
};

/** One call to each service, each of its own length; the ends are chosen by the proxies, so many rounds take all paths. */
async function callAll({ sandbox }: Tour, tail: string): Promise<void> {
  const asked = [`catalogue/${tail}`, `cart/${tail}?catalogue`, `orders/${tail}`, `store/${tail}`];
  await Promise.all(
    asked.map(async (path) => {
      const response = await fetch(sandbox.shopUrl + path, { signal: AbortSignal.timeout(10_000) });
      const answer = await response.text();
      if (response.status !== 200) throw new Error(`${path} was answered ${response.status}: ${answer}`);
    }),
  );
}

function text(call: LoggedCall | undefined): string {
  if (!call) return 'no such call';
  const { outbound, inbound, gateway } = call;
  const ends = [outbound, inbound].map(
    (line) => `${short(line['src.identity'])} -> ${short(line['dst.identity'])}`,
  );
  const said = ends[0] === ends[1] ? `${ends[0] ?? ''} at both` : ends.join(' but ');
  return `${said}, ${outbound['bytes_sent'] ?? '?'} bytes${gateway ? `, passed by ${gateway['dst.addr'] ?? ''}` : ''}`;
}

const short = (identity: string | undefined): string =>
  identity?.replace('spiffe://cluster.local/ns/shop/sa/', '') ?? 'nobody';
