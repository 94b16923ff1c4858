import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { ask, mutate, type Endpoint } from './instance/api.ts';
import { claimBlock } from './instance/claim.ts';
import { prepareClusters, type SampleCluster, type SamplePod } from './instance/clusters.ts';
import { freshStateDir, stateHome, writeWhole } from './instance/state-dir.ts';
import { freePort } from './processes/free-port.ts';
import {
  agentProgram,
  hubProgram,
  hubStateDir,
  podDir,
  podPrograms,
  type Place,
} from './processes/programs.ts';
import { Launcher } from './processes/spawn.ts';
import { until } from './processes/wait.ts';

export interface Sandbox {
  readonly place: Place;
  readonly endpoint: Endpoint;
  readonly clusters: readonly SampleCluster[];
  readonly launcher: Launcher;
  readonly doorUrl: string;
  /** From the start of this process to the first 200 of a call that crossed networks, in milliseconds. */
  readonly startMillis: number;
  stop(): Promise<void>;
}

export interface UpOptions {
  readonly clock: Clock;
  /** Gateways write every byte they read and write here, for the tour's search. */
  readonly tap: boolean;
  readonly progress: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

const joinMutation = `mutation($input: CreateJoinTokenInput!) {
  result: createJoinToken(input: $input) { token userErrors { code field message } } }`;

/** Starts the hub, three joined clusters and the shop, and resolves when a call across networks was answered. */
export async function up(options: UpOptions): Promise<Sandbox> {
  const { clock, progress } = options;
  const claim = await claimBlock();
  const home = stateHome(options.env);
  const stateDir = freshStateDir(home);
  const place = await layOut(stateDir, claim.octet, options.tap);
  const launcher = new Launcher(stateDir, join(home, 'compile-cache'));
  const clusters = prepareClusters(stateDir, claim.octet);
  const stop = async () => {
    await launcher.stop(3000, (millis, run) => clock.after(millis, run));
    claim.release();
  };
  try {
    const endpoint = await startHub(place, launcher, clock);
    writeWhole(join(stateDir, 'endpoint.json'), JSON.stringify({ ...endpoint, pid: process.pid }));
    progress(`hub ready: ${endpoint.url}`);
    await Promise.all(clusters.map((cluster) => startCluster(place, launcher, endpoint, cluster, options)));
    const doorUrl = `http://127.0.0.1:${place.doorPort}/`;
    await firstCrossing(clock, doorUrl);
    return { place, endpoint, clusters, launcher, doorUrl, startMillis: performance.now(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function layOut(stateDir: string, octet: number, tap: boolean): Promise<Place> {
  return { stateDir, octet, doorPort: await freePort(8090), tapDir: tap ? stateDir : undefined };
}

async function startHub(place: Place, launcher: Launcher, clock: Clock): Promise<Endpoint> {
  const hub = launcher.start(hubProgram(place, 8080));
  const file = join(hubStateDir(place), 'endpoint.json');
  void hub.exited;
  return until(
    clock,
    'the hub',
    () => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Endpoint) : undefined),
    {
      within: 60_000,
    },
  );
}

async function startCluster(
  place: Place,
  launcher: Launcher,
  endpoint: Endpoint,
  cluster: SampleCluster,
  { clock, progress }: UpOptions,
): Promise<void> {
  const { token } = await mutate<{ token: string; userErrors: [] }>(endpoint, joinMutation, {
    cluster: cluster.name,
  });
  writeWhole(join(place.stateDir, cluster.name, 'join-token'), token);
  launcher.start(agentProgram(place, cluster));
  await Promise.all(cluster.pods.map((pod) => startPod(place, launcher, cluster, pod, clock)));
  progress(`cluster ${cluster.name}: ${cluster.pods.length} pods started`);
}

async function startPod(
  place: Place,
  launcher: Launcher,
  cluster: SampleCluster,
  pod: SamplePod,
  clock: Clock,
): Promise<void> {
  const file = join(podDir(place, cluster.name, pod), 'env');
  const text = await until(
    clock,
    `the environment of ${pod.name}`,
    () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
    {
      within: 60_000,
    },
  );
  for (const program of podPrograms(place, cluster, pod, readEnv(text))) launcher.start(program);
}

/** `NAME=value` lines, as the agent writes them. */
export function readEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** `/cart` is served by west and south only, so any answer to the front end in east has crossed networks. */
async function firstCrossing(clock: Clock, doorUrl: string): Promise<void> {
  await until(
    clock,
    'a call across networks',
    async () => {
      const response = await fetch(`${doorUrl}cart`, { signal: AbortSignal.timeout(5000) });
      if (response.status !== 200) throw new Error(await response.text());
      await response.arrayBuffer();
      return true;
    },
    { within: 120_000, every: 100 },
  );
}

/** All clusters ACTIVE, by the API. */
export async function clusterStates(endpoint: Endpoint): Promise<Readonly<Record<string, string>>> {
  const { clusters } = await ask<{ clusters: { nodes: { name: string; state: string }[] } }>(
    endpoint,
    '{ clusters(first: 10) { nodes { name state } } }',
  );
  return Object.fromEntries(clusters.nodes.map(({ name, state }) => [name, state]));
}
