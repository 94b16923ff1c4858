import { sleep } from '@isthmus/mesh/process/clock.ts';
import { ask, mutate, type Endpoint } from '../../instance/api.ts';
import { KeptLoad } from '../../observe/kept-load.ts';
import { FreshLoad, type LoadResult } from '../../observe/load.ts';
import { until } from '../../processes/wait.ts';
import { aim } from '../addresses.ts';
import { answeredBy, countsOf, countsText, lastBy, total } from '../answered.ts';
import type { Report, Step, Tour } from '../context.ts';

const simulateQuery = `query($input: SimulateFailoverInput!) {
  simulateFailover(input: $input) { planId services { name moves { client from to percent } noAlternative } userErrors { message } } }`;
const executeMutation = `mutation($input: ExecuteFailoverInput!) {
  result: executeFailover(input: $input) { failover { id } userErrors { code field message } } }`;
const undoMutation = `mutation($input: UndoFailoverInput!) {
  result: undoFailover(input: $input) { operation { operationId } userErrors { code field message } } }`;

interface Plan {
  readonly planId: string | null;
  readonly services: readonly {
    readonly name: string;
    readonly noAlternative: boolean;
    readonly moves: readonly { client: string; from: string; to: string; percent: number }[];
  }[];
  readonly userErrors: readonly { message: string }[];
}

/** Where each service of east has its only other home. */
const elsewhere: Readonly<Record<string, string>> = { catalogue: 'west', store: 'south' };

/** Catalogue and store leave east by a plan that was looked at first, and return, while customers notice nothing. */
export const failover: Step = {
  title: 'a failover is simulated, executed under traffic, and undone',
  async run(tour: Tour, report: Report) {
    const { sandbox, clock } = tour;
    const plan = await simulate(sandbox.endpoint, report);
    const from = (service: string) => aim(sandbox, { cluster: 'east', pod: 'frontend' }, service);
    const fresh = new FreshLoad(from('catalogue'), 50, clock).start();
    const kept = new KeptLoad(from('store'), 50, clock);
    try {
      await kept.startUntil((all) => (countsOf(all)['east'] ?? 0) >= 3);
      await underTraffic(tour, plan, fresh, kept, report);
    } finally {
      tellFailures('fresh', await fresh.stop(), report);
      tellFailures('kept', await kept.stop(), report);
    }
  },
};

async function simulate(endpoint: Endpoint, report: Report): Promise<Plan> {
  const services = Object.keys(elsewhere).map((name) => ({ namespace: 'shop', name }));
  const input = { from: { cluster: 'east' }, services, percent: 100 };
  const { simulateFailover: plan } = await ask<{ simulateFailover: Plan }>(endpoint, simulateQuery, {
    input,
  });
  for (const [name, home] of Object.entries(elsewhere)) {
    const found = plan.services.find((service) => service.name === name);
    const moves = (found?.moves ?? []).filter(({ client, percent }) => client === 'east' && percent > 0);
    report.expect(
      `the simulation says that ${name} would go to ${home}`,
      moves.map(({ from, to, percent }) => `${Math.round(percent)} % from ${from} to ${to}`).join(', ') ||
        (plan.userErrors[0]?.message ?? 'no move'),
      moves.length > 0 && moves.every(({ from, to }) => from === 'east' && to === home),
    );
  }
  return plan;
}

async function underTraffic(
  tour: Tour,
  plan: Plan,
  fresh: FreshLoad,
  kept: KeptLoad,
  report: Report,
): Promise<void> {
  const { sandbox, clock } = tour;
  const before = await answeredBy(fresh, tour, 1500);
  const stay = countsOf(kept.connections());
  report.expect(
    'east answers before, on fresh and on kept connections',
    `fresh: ${countsText(before)}; kept: ${countsText(stay)}`,
    (before['east'] ?? 0) > 0 && (stay['east'] ?? 0) > 0,
  );

  const started = clock.monotonic();
  const { failover: layer } = await mutate<{ failover: { id: string } | null; userErrors: [] }>(
    sandbox.endpoint,
    executeMutation,
    { planId: plan.planId, reason: 'tour' },
  );
  await sleep(clock, 3000);
  const after = await answeredBy(fresh, tour, 1000);
  report.within('the last fresh connection to east was begun', lastBy(fresh.served, 'east', started), 2000);
  report.expect(
    'west answers every fresh connection after that',
    countsText(after),
    (after['west'] ?? 0) > 20 && total(after) === after['west'],
  );
  const still = kept
    .connections()
    .filter(({ cluster, endedAt }) => cluster === 'east' && endedAt === undefined);
  report.expect(
    'kept connections stay where they are',
    `${still.length} of ${stay['east'] ?? 0} at east`,
    still.length === stay['east'],
  );
  await takeBack(tour, layer?.id, fresh, report);
}

async function takeBack(
  { sandbox, clock, timeScale }: Tour,
  id: string | undefined,
  fresh: FreshLoad,
  report: Report,
): Promise<void> {
  const undone = clock.monotonic();
  const { operation } = await mutate<Undone>(sandbox.endpoint, undoMutation, { id, reason: 'tour' });
  const again = () => fresh.served.find(({ cluster, at }) => cluster === 'east' && at > undone);
  const first = await until(clock, 'east to answer again', again, { within: 10_000 * timeScale }).catch(
    () => undefined,
  );
  report.expect(
    'east answers again after undo',
    first ? `after ${Math.round(first.at - undone)} ms` : 'not within 10 s',
    first !== undefined,
  );
  const returned = async () =>
    (await stateOf(sandbox.endpoint, operation?.operationId)) === 'DONE' ? true : undefined;
  const done = await until(clock, 'the return', returned, { within: 30_000 * timeScale }).catch(() => false);
  report.expect(
    'the return, a quarter at a time, is complete',
    done ? `after ${Math.round(clock.monotonic() - undone)} ms` : 'not within 30 s',
    done,
  );
}

interface Undone {
  readonly operation: { readonly operationId: string } | null;
  readonly userErrors: [];
}

async function stateOf(endpoint: Endpoint, id = ''): Promise<string | undefined> {
  const query = 'query($id: ID!) { operation(id: $id) { state } }';
  return (await ask<{ operation: { state: string } | null }>(endpoint, query, { id })).operation?.state;
}

function tellFailures(kind: string, { served, failures }: LoadResult, report: Report): void {
  report.expect(
    `0 requests failed on ${kind} connections`,
    `${failures.length} of ${served.length + failures.length}${failures[0] ? `, e.g. ${failures[0].message}` : ''}`,
    failures.length === 0 && served.length > 100,
  );
}
