import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from '../../cpu.ts';
import { quantile } from '../../quantile.ts';
import { costOfEach, idleFor, quiet, spentBy } from '../cost.ts';
import { figure, megabytes, seconds } from '../figures.ts';
import { group, type Row } from '../row.ts';
import { openFilesOf, openProxy, type ProxyWorld } from './world.ts';

const idleSeconds = 5;
const betweenMillis = 50;

/** Milliseconds until the proxy has acknowledged each of some changes of foreign workloads. */
async function deltas(
  { controlPlane, changes }: ProxyWorld,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < changes && !signal.aborted; i++) {
    times.push(await controlPlane.ask('change', undefined));
    await pause(betweenMillis);
  }
  return times;
}

const rows: readonly Row<ProxyWorld>[] = [
  {
    row: 'proxy-state',
    measure: 'proxy with one worker, 10,000 workloads and 1,000 services: ready; RSS; delta p50',
    goal: '1.5 s; 120 MB; 3 ms',
    async run(world, signal) {
      const { proxy, readyIn } = world;
      const resident = residentBytes(proxy.pid);
      const p50 = quantile(await deltas(world, signal), 0.5);
      return `${seconds(readyIn)}; ${megabytes(resident)}; ${figure(p50)} ms`;
    },
  },
  {
    row: 'proxy-connections',
    measure: 'proxy, 20,000 connections: delta of a foreign endpoint, CPU',
    goal: '1 ms',
    async run(world, signal) {
      const { proxy, connections, changes, open } = world;
      // Each connection has two sockets at the proxy.
      const room = openFilesOf(proxy.pid) - readdirSync(`/proc/${proxy.pid}/fd`).length - 500;
      const opened = await open(Math.min(connections, Math.floor(room / 2)));
      await quiet(proxy.pid, signal);
      const idle = await idleFor(proxy.pid, idleSeconds);
      const spent = await spentBy(proxy.pid, () => deltas(world, signal));
      const cost = `${figure(costOfEach(spent, idle, changes))} ms`;
      return opened < connections
        ? `${cost} at ${figure(opened)} connections, the most that open here`
        : cost;
    },
  },
];

export const proxyGroup = group(
  (stage, { workloads, proxyServices, connections, changes }, signal) =>
    openProxy(stage, { workloads, services: proxyServices, connections, changes }, signal),
  rows,
);
