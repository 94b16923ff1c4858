import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from '../../quantile.ts';
import { costOfEach, idleFor, quiet, spentBy } from '../cost.ts';
import { fiftyAndNinetyNine, figure, seconds } from '../figures.ts';
import { now } from '../now.ts';
import { group, type Row } from '../row.ts';
import { applyPolicy, joinToken, openHub, queryTimes, type HubWorld } from './world.ts';

/** Two beats of each agent. */
const idleSeconds = 10;
const beatSeconds = 5;
/** Each is kept by the hub and by all agents. */
const intermediates = 10;
const commitMillis = 5000;
const commitsAtOnce = 32;

/** All agents wait for something new of a type; gives what resolves with when the last of them has it. */
async function expect({ agents }: HubWorld, type: string, except?: number): Promise<() => Promise<number>> {
  await Promise.all(
    agents.map((one, i) => one.ask('expect', { type, except: i === 0 ? except : undefined })),
  );
  return async () => Math.max(...(await Promise.all(agents.map((one) => one.ask('arrived', undefined)))));
}

/** Milliseconds from a policy that is sent to the hub until the last agent has acknowledged it, for some policies. */
async function policies(world: HubWorld, signal: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < world.changes && !signal.aborted; i++) {
    const last = await expect(world, 'policy');
    const started = now();
    await applyPolicy(world.endpoint, 1 + ((i + Math.floor(started)) % 60_000));
    times.push((await last()) - started);
    await pause(100);
  }
  return times;
}

const policyRow: Row<HubWorld> = {
  row: 'hub-policy',
  measure: 'hub, 250 clusters x 20 services: policy to last acknowledgement p50 / p99',
  goal: '100 / 200 ms',
  run: async (world, signal) => fiftyAndNinetyNine(await policies(world, signal)),
};

const rows: readonly Row<HubWorld>[] = [
  policyRow,
  {
    row: 'hub-service',
    measure: 'one service changes: p50; CPU',
    goal: '60 ms; 25 ms',
    async run(world, signal) {
      const { hub, agents, changes } = world;
      const idle = await idleFor(hub.pid, idleSeconds);
      const times: number[] = [];
      const spent = await spentBy(hub.pid, async () => {
        for (let i = 0; i < changes && !signal.aborted; i++) {
          const last = await expect(world, 'remote', 0);
          const said = (await agents[0]?.ask('change', { agent: 0, healthy: 1 + (i % 2) })) ?? NaN;
          times.push((await last()) - said);
        }
      });
      return `${figure(quantile(times, 0.5))} ms; ${figure(costOfEach(spent, idle, times.length))} ms`;
    },
  },
  {
    row: 'hub-intermediate',
    measure: 'a new intermediate (join or renewal), CPU',
    goal: '30 ms',
    async run(world, signal) {
      const { hub, agents } = world;
      const idle = await idleFor(hub.pid, idleSeconds);
      const spent = await spentBy(hub.pid, async () => {
        for (let i = 0; i < intermediates && !signal.aborted; i++) {
          const last = await expect(world, 'intermediate');
          await agents[i % agents.length]?.ask('newIntermediate', { agent: 0 });
          await last();
          // It is activated and written down afterwards.
          await pause(500);
        }
      });
      return `${figure(costOfEach(spent, idle, intermediates))} ms`;
    },
  },
  {
    row: 'hub-heartbeat',
    measure: 'heartbeat with nothing new, CPU',
    goal: '0.1 ms',
    async run({ hub, clusters }) {
      const { cpu, took } = await idleFor(hub.pid, idleSeconds);
      return `${figure(cpu / ((clusters * took) / (beatSeconds * 1000)))} ms`;
    },
  },
  {
    row: 'graphql',
    measure: 'GraphQL `services(first: 50)` at 250 x 20, p99',
    goal: '30 ms',
    run: async ({ endpoint }, signal) => `${figure(quantile(await queryTimes(endpoint, signal), 0.99))} ms`,
  },
  {
    row: 'commits',
    measure: 'durable commits per second beside 250 sessions (SQLite)',
    goal: '1,000',
    async run({ endpoint }, signal) {
      let commits = 0;
      const started = now();
      const write = async (writer: number) => {
        for (let i = 0; now() - started < commitMillis && !signal.aborted; i++) {
          await joinToken(endpoint, `waits-${writer}-${i}`);
          commits++;
        }
      };
      await Promise.all(Array.from({ length: commitsAtOnce }, (_, writer) => write(writer)));
      return figure((1000 * commits) / (now() - started));
    },
  },
];

export const hubGroup = group(
  (stage, { clusters, clusterServices, changes }, signal) =>
    openHub(stage, { clusters, services: clusterServices, changes }, signal),
  rows,
);

const manyRows: readonly Row<HubWorld>[] = [
  {
    row: 'many-policy',
    measure: '1,000 agents: policy to last acknowledgement p99',
    goal: '1 s',
    run: async (world, signal) => seconds(quantile(await policies(world, signal), 0.99)),
  },
  {
    row: 'many-return',
    measure: '1,000 agents reconnect',
    goal: '20 s, 0 resent',
    async run({ agents, hub }, signal) {
      await Promise.all(agents.map((one) => one.ask('disconnect', undefined)));
      await quiet(hub.pid, signal);
      const started = now();
      const synced = await Promise.all(agents.map((one) => one.ask('connect', undefined)));
      const resent = await Promise.all(agents.map((one) => one.ask('resent', undefined)));
      const sum = resent.reduce((all, count) => all + count, 0);
      return `${seconds(Math.max(...synced) - started)}, ${sum} resent`;
    },
  },
];

export const manyGroup = group(
  (stage, { many, manyServices, changes }, signal) =>
    openHub(stage, { clusters: many, services: manyServices, changes }, signal),
  manyRows,
);
