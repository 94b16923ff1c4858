import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { admissionOf, mutate, type Endpoint } from './instance/api.ts';
import type { SampleCluster, SamplePod } from './instance/clusters.ts';
import { readEnv } from './processes/pod-env.ts';
import {
  agentProgram,
  agentStateDir,
  shopPortFile,
  hubProgram,
  hubStateDir,
  podDir,
  podPrograms,
  podsDir,
} from './processes/programs.ts';
import type { Place } from './processes/programs.ts';
import type { Launcher } from './processes/spawn.ts';
import { until } from './processes/wait.ts';

interface Starting {
  readonly place: Place;
  readonly launcher: Launcher;
  readonly clock: Clock;
}

const patience = { within: 60_000 };

const joinMutation = `mutation($input: CreateJoinTokenInput!) {
  result: createJoinToken(input: $input) { token userErrors { code field message } } }`;

export async function startHub(place: Place, launcher: Launcher, clock: Clock): Promise<Endpoint> {
  launcher.start(hubProgram(place, 8080));
  const text = await written(clock, 'the hub', join(hubStateDir(place), 'endpoint.json'));
  return JSON.parse(text) as Endpoint;
}

/** One token and one command make a cluster join; then its pods are started, as its agent says how. */
export async function startCluster(
  starting: Starting,
  endpoint: Endpoint,
  cluster: SampleCluster,
): Promise<void> {
  const { place, launcher } = starting;
  await ensureToken(place, endpoint, cluster);
  // Written by the agent when it is there: those of an earlier run would start pods before their control plane.
  rmSync(podsDir(place, cluster.name), { recursive: true, force: true });
  launcher.start(agentProgram(place, cluster));
  await Promise.all(cluster.pods.map((pod) => startPod(starting, cluster, pod)));
}

/** A member needs none, and one whose answer was lost asks again with the token that it has. */
async function ensureToken(
  place: Place,
  endpoint: Endpoint,
  { name, network }: SampleCluster,
): Promise<void> {
  const file = join(place.stateDir, name, 'join-token');
  if (existsSync(join(agentStateDir(place, name), 'link.json'))) return;
  if (existsSync(file) && (await admissionOf(endpoint, name)) === 'ADMITTED') return;
  const input = { cluster: name, network };
  const { token } = await mutate<{ token: string; userErrors: [] }>(endpoint, joinMutation, input);
  writeWhole(file, token);
}

async function startPod(
  { place, launcher, clock }: Starting,
  cluster: SampleCluster,
  pod: SamplePod,
): Promise<void> {
  const file = join(podDir(place, cluster.name, pod), 'env');
  const what = `the environment of ${cluster.name}/${pod.name}, by the agent (${logOf(place, cluster.name)})`;
  const env = readEnv(await written(clock, what, file));
  for (const program of podPrograms(place, cluster, pod, env)) launcher.start(program);
}

/** The URL of the shop, once its front end has written its port. */
export const shopUrlOf = async (place: Place, clock: Clock): Promise<string> =>
  `http://127.0.0.1:${(await written(clock, 'the port of the shop', shopPortFile(place))).trim()}/`;

/** `/cart` is served by west and south only, so any answer to the front end in east has crossed networks. */
export const firstCrossing = (clock: Clock, shopUrl: string, within = longest): Promise<true> =>
  until(clock, 'a call across networks', () => visit(`${shopUrl}cart`), { within, every: 100 });

/** Some visits in a row that touch every service, as each may be served by other instances than the one before. */
export async function wholeShop(clock: Clock, shopUrl: string, within = longest): Promise<void> {
  const visits = async (): Promise<true> => {
    for (let count = 0; count < 8; count++) await visit(shopUrl);
    return true;
  };
  await until(clock, 'an answer of every service', visits, { within, every: 100 });
}

const longest = 120_000;

async function visit(url: string): Promise<true> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return true;
}

const logOf = ({ stateDir }: Place, cluster: string): string =>
  join(stateDir, 'logs', `${cluster}-agent.log`);

/** Waits for a file that is written whole, by renaming. */
const written = (clock: Clock, what: string, file: string): Promise<string> =>
  until(clock, what, () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined), patience);
