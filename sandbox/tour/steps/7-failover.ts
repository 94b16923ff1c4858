import { ask, mutate } from '../../instance/api.ts';
import { FreshLoad, KeptLoad, type Served } from '../../observe/load.ts';
import { sleep } from '@isthmus/mesh/process/clock.ts';
import { aim } from '../addresses.ts';
import type { Report, Step, Tour } from '../context.ts';

const simulateQuery = `query($input: SimulateFailoverInput!) {
  simulateFailover(input: $input) { planId services { namespace name moves { from to percent } } noAlternative { namespace name } userErrors { code message } } }`;
const executeMutation = `mutation($input: ExecuteFailoverInput!) {
  result: executeFailover(input: $input) { failover { id } operation { id } userErrors { code field message } } }`;
const undoMutation = `mutation($input: UndoFailoverInput!) {
  result: undoFailover(input: $input) { operation { id } userErrors { code field message } } }`;

interface Simulated {
  simulateFailover: {
    planId: string | null;
    services: { name: string }[];
    userErrors: { message: string }[];
  };
}

/** The catalogue leaves east by a plan that was looked at first, and returns, while customers notice nothing. */
export const failover: Step = {
  title: 'a failover is simulated, executed under traffic, and undone',
  async run(tour: Tour, report: Report) {
    const { endpoint } = tour.sandbox;
    const { simulateFailover: plan } = await ask<Simulated>(endpoint, simulateQuery, {
      input: {
        from: { cluster: 'east' },
        services: [{ namespace: 'shop', name: 'catalogue' }],
        percent: 100,
      },
    });
    const named = plan.services.some(({ name }) => name === 'catalogue');
    report.expect(
      'the simulation says where the catalogue would go',
      plan.userErrors[0]?.message ?? `plan ${plan.planId ?? '-'}`,
      named,
    );

    const load = new FreshLoad(
      aim(tour.sandbox, { cluster: 'east', pod: 'frontend' }, 'catalogue'),
      50,
      tour.clock,
    ).start();
    const kept = await new KeptLoad(
      aim(tour.sandbox, { cluster: 'east', pod: 'frontend' }, 'store'),
      50,
      tour.clock,
    ).start(10);
    await sleep(tour.clock, 2000);
    const before = await answeredBy(load.served, tour, 1500);
    report.expect('east answers before', describe(before), (before['east'] ?? 0) > 0);

    const executed = await mutate<{ failover: { id: string } | null; userErrors: [] }>(
      endpoint,
      executeMutation,
      { planId: plan.planId, reason: 'tour' },
    );
    const moved = await lastAnswerOf(load.served, 'east', tour, 4000);
    report.within('the last new connection to east after the failover', moved, 2000);
    const after = await answeredBy(load.served, tour, 1000);
    report.expect(
      'east answers no new connection',
      describe(after),
      (after['east'] ?? 0) === 0 && total(after) > 0,
    );

    await mutate(endpoint, undoMutation, { id: executed.failover?.id, reason: 'tour' });
    await sleep(tour.clock, 3000);
    const back = await answeredBy(load.served, tour, 1000);
    report.expect('east answers again after undo', describe(back), (back['east'] ?? 0) > 0);
    const fresh = await load.stop();
    const keptResult = kept.stop();
    report.expect(
      '0 requests failed on fresh connections',
      `${fresh.failures.length} of ${fresh.served.length}${first(fresh.failures)}`,
      fresh.failures.length === 0,
    );
    report.expect(
      '0 requests failed on kept connections',
      `${keptResult.failures.length} of ${keptResult.served.length}${first(keptResult.failures)}`,
      keptResult.failures.length === 0,
    );
  },
};

const first = (failures: readonly { message: string }[]): string =>
  failures[0] ? `, e.g. ${failures[0].message}` : '';

type Counts = Readonly<Record<string, number>>;

/** Who answered the calls sent from now on, for `millis`. */
async function answeredBy(served: readonly Served[], tour: Tour, millis: number): Promise<Counts> {
  const since = tour.clock.monotonic();
  await sleep(tour.clock, millis);
  const counts: Record<string, number> = {};
  for (const { at, cluster } of served) if (at >= since) counts[cluster] = (counts[cluster] ?? 0) + 1;
  return counts;
}

/** Milliseconds from now until the last call that `cluster` answered was sent, after watching for `millis`. */
async function lastAnswerOf(
  served: readonly Served[],
  cluster: string,
  tour: Tour,
  millis: number,
): Promise<number> {
  const since = tour.clock.monotonic();
  await sleep(tour.clock, millis);
  return Math.max(
    0,
    ...served.filter((one) => one.cluster === cluster && one.at >= since).map(({ at }) => at - since),
  );
}

const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

const describe = (counts: Counts): string =>
  Object.entries(counts)
    .map(([cluster, count]) => `${cluster} ${count}`)
    .join(', ') || 'nobody';
