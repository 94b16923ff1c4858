import { residentBytes } from '../../cpu.ts';
import { quantile } from '../../quantile.ts';
import { costOfEach, idleFor, spentBy, type Spent } from '../cost.ts';
import { fiftyAndNinetyNine, figure, megabytes, seconds } from '../figures.ts';
import { group, type Row } from '../row.ts';
import { openKube, type KubeWorld } from './world.ts';

/** Beside istiod as `docs/bench.md` says where its figures come from. */
type Compared<W> = Row<W> & { readonly istiod: string };

/** How long pods change in each of the rows, milliseconds. */
const changing = 20_000;
const idleSeconds = 10;
/** Pods that change once a second each. */
const [few, many] = [3, 20];

const flips = async ({ clients }: KubeWorld, pods: number): Promise<string> => {
  const { times, changes, answered } = await clients.ask('flip', { pods, millis: changing });
  const cells = [fiftyAndNinetyNine(times), `${figure(changes / (changing / 1000))} changes a second`];
  return `${cells.join(', ')}; patch answered in ${figure(quantile(answered, 0.5))} / ${figure(quantile(answered, 0.99))} ms`;
};

const costAt = async ({ agent, clients }: KubeWorld, pods: number, idle: Spent): Promise<string> => {
  let changes = 0;
  const spent = await spentBy(agent.pid, async () => {
    ({ changes } = await clients.ask('flip', { pods, millis: changing }));
  });
  return `${figure(costOfEach(spent, idle, changes))} ms`;
};

const empty: Compared<KubeWorld> = {
  row: 'kube-empty',
  measure: 'RSS, empty cluster',
  istiod: '120 MB',
  goal: '150 MB',
  run: ({ resident }) => Promise.resolve(megabytes(resident)),
};

const rows: readonly Compared<KubeWorld>[] = [
  {
    row: 'kube-start',
    measure: 'start on 10,000 pods and 1,000 services until a first ztunnel has its state',
    istiod: '3.1 s',
    goal: '3 s',
    run: ({ startedIn }) => Promise.resolve(seconds(startedIn)),
  },
  {
    row: 'kube-sync-1',
    measure: 'first sync of one client',
    istiod: '72 to 110 ms',
    goal: '300 ms',
    run: ({ one }) => Promise.resolve(`${figure(one.took)} ms`),
  },
  {
    row: 'kube-sync-50',
    measure: 'first sync of 50 clients at once',
    istiod: '1.6 to 1.9 s, 24 of 50 refused by default',
    goal: '1.5 s, none refused',
    run: ({ all }) =>
      Promise.resolve(`${seconds(all.took)}, ${all.refused === 0 ? 'none' : all.refused} refused`),
  },
  {
    row: 'kube-memory',
    measure: 'RSS with 10,000 pods and 1,000 services: after the start / with 50 clients',
    istiod: '342 to 470 MB',
    goal: '350 MB',
    run: ({ agent, resident }) =>
      Promise.resolve(`${megabytes(resident)} / ${megabytes(residentBytes(agent.pid))}`),
  },
  {
    row: 'kube-cpu',
    measure: 'CPU per change at 3 / at 20 a second',
    istiod: '3.0 to 4.5 ms',
    goal: '2 ms',
    async run(world) {
      const idle = await idleFor(world.agent.pid, idleSeconds);
      return `${await costAt(world, few, idle)} / ${await costAt(world, many, idle)}`;
    },
  },
  {
    row: 'kube-3',
    measure: 'readiness patched in the API -> delta at a client, p50 / p99 at 3 changes a second',
    istiod: '110 / 192 ms',
    goal: '15 / 50 ms',
    run: (world) => flips(world, few),
  },
  {
    row: 'kube-20',
    measure: 'the same at 20 changes a second',
    istiod: '4,289 / 9,979 ms',
    goal: '15 / 60 ms',
    run: (world) => flips(world, many),
  },
];

/** An agent of an empty cluster: one node, its ztunnel, and nothing else. */
export const emptyGroup = group(
  (stage, _sizes, signal) => openKube(stage, { pods: 0, services: 0, clients: 1, changing: 0 }, signal),
  [empty],
);

export const kubeGroup = group(
  (stage, { pods, services, clients }, signal) =>
    openKube(stage, { pods, services, clients, changing: many }, signal),
  rows,
);
