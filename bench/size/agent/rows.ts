import { residentBytes } from '../../cpu.ts';
import { quantile } from '../../quantile.ts';
import { costOfEach, idleFor, spentBy } from '../cost.ts';
import { fiftyAndNinetyNine, figure, megabytes, seconds } from '../figures.ts';
import { group, type Row } from '../row.ts';
import { amid, badInputs } from './bad-input.ts';
import { openAgent, type AgentWorld } from './world.ts';

/** How long pods change in each of the rows, milliseconds. */
const changing = 20_000;
const idleSeconds = 10;

const flips = async ({ clients, probed }: AgentWorld, pods: number): Promise<string> => {
  await probed(0, pods);
  const { times, changes } = await clients.ask('flip', { pods, millis: changing });
  return `${fiftyAndNinetyNine(times)}, ${figure(changes / (changing / 1000))} changes a second`;
};

const timesOf = async ({ clients, probed }: AgentWorld): Promise<readonly number[]> => {
  await probed(0, 3);
  return (await clients.ask('flip', { pods: 3, millis: changing })).times;
};

const rows: readonly Row<AgentWorld>[] = [
  {
    row: 'agent-memory',
    measure: 'RSS 10,000 pods; start until a first proxy has its state',
    goal: '350 MB; 3 s',
    run: ({ agent, startedIn }) =>
      Promise.resolve(`${megabytes(residentBytes(agent.pid))}; ${seconds(startedIn)}`),
  },
  {
    row: 'agent-sync',
    measure: 'first sync of 50 clients at once',
    goal: '1.5 s',
    run: ({ syncedIn }) => Promise.resolve(seconds(syncedIn)),
  },
  {
    row: 'agent-cpu',
    measure: 'CPU per change / idle',
    goal: '2 ms / under 1 %',
    async run({ agent, clients, probed }) {
      await probed(0, 3);
      const idle = await idleFor(agent.pid, idleSeconds);
      let changes = 0;
      const spent = await spentBy(agent.pid, async () => {
        ({ changes } = await clients.ask('flip', { pods: 3, millis: changing }));
      });
      const share = (100 * idle.cpu) / idle.took;
      return `${figure(costOfEach(spent, idle, changes))} ms / ${figure(share)} %`;
    },
  },
  {
    row: 'agent-3',
    measure:
      'agent, 10,000 pods and 1,000 services: change of one pod -> delta at a client, p50 / p99 at 3 a second',
    goal: '15 / 50 ms',
    run: (world) => flips(world, 3),
  },
  {
    row: 'agent-20',
    measure: 'the same at 20 changes a second',
    goal: '15 / 60 ms',
    run: (world) => flips(world, 20),
  },
  {
    row: 'agent-bad',
    measure: 'p50 / p99 at 3 a second beside bad input, as a multiple of what they are without',
    goal: '2x / 2x',
    async run(world) {
      const usual = await timesOf(world);
      const cells = [`usual ${fiftyAndNinetyNine(usual)}`];
      for (const input of badInputs) {
        const times = await amid(input, world, () => timesOf(world));
        const times50 = quantile(times, 0.5) / quantile(usual, 0.5);
        const times99 = quantile(times, 0.99) / quantile(usual, 0.99);
        cells.push(`${input.name} ${figure(times50)}x / ${figure(times99)}x`);
      }
      return cells.join('; ');
    },
  },
];

export const agentGroup = group(
  (stage, { pods, services, clients }, signal) =>
    openAgent(stage, { pods, services, clients, remoteServices: 0 }, signal),
  rows,
);

/** As the review had it: 100 pods beside the services of others. */
const beside = { pods: 100, services: 20, clients: 3 };

const remote: Row<AgentWorld & { readonly changes: number; readonly remoteServices: number }> = {
  row: 'remote',
  measure: '5,000 remote services: CPU of one change; until all clients have it p50',
  goal: '3 ms',
  async run({ agent, hub, clients, changes, remoteServices }, signal) {
    const idle = await idleFor(agent.pid, idleSeconds);
    const times: number[] = [];
    const spent = await spentBy(agent.pid, async () => {
      for (let i = 0; i < changes && !signal.aborted; i++) {
        await clients.ask('expect', undefined);
        const index = i % remoteServices;
        const said = await hub.ask('change', { index, healthy: 3 + (Math.floor(i / remoteServices) % 2) });
        times.push((await clients.ask('arrived', undefined)) - said);
      }
    });
    return `${figure(costOfEach(spent, idle, times.length))} ms; ${figure(quantile(times, 0.5))} ms`;
  },
};

export const remoteGroup = group(
  async (stage, { remoteServices, changes }, signal) => ({
    ...(await openAgent(stage, { ...beside, remoteServices }, signal)),
    changes,
    remoteServices,
  }),
  [remote],
);
