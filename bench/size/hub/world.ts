import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, mutate, type Endpoint } from '@isthmus/sandbox/instance/api.ts';
import type { Running } from '@isthmus/sandbox/processes/spawn.ts';
import { quiet } from '../cost.ts';
import { now } from '../now.ts';
import type { PeerProcess } from '../peer-process.ts';
import type { Stage } from '../stage.ts';
import type { AgentsApi } from './agents.ts';
import { servicesOf } from './services-of.ts';

/** One hub with its agents, which live in some processes of their own. */
export interface HubWorld {
  readonly hub: Running;
  readonly endpoint: Endpoint;
  readonly agents: readonly PeerProcess<AgentsApi>[];
  readonly clusters: number;
  /** How many changes of a kind are timed. */
  readonly changes: number;
}

export interface HubSizes {
  readonly clusters: number;
  readonly services: number;
  readonly changes: number;
}

/** Each process has an event loop, which is not to be what is waited for. */
const processes = 4;

export async function openHub(
  stage: Stage,
  { clusters, services, changes }: HubSizes,
  signal: AbortSignal,
): Promise<HubWorld> {
  const stateDir = stage.path('hub');
  const hub = stage.start(program(stage, stateDir));
  const endpoint = await endpointOf(stateDir, signal);
  const agents = Array.from({ length: Math.min(processes, clusters) }, () =>
    stage.peer<AgentsApi>('hub/agents.ts'),
  );
  const join = async (cluster: number) => {
    signal.throwIfAborted();
    const name = `c-${cluster}`;
    const token = await joinToken(endpoint, name);
    const member = {
      cluster: name,
      stateDir: stage.path('agents', name),
      token,
      address: stage.at(`${32 + Math.floor(cluster / 200)}.${2 + (cluster % 200)}`),
      services: servicesOf(cluster, services),
    };
    await agents[cluster % agents.length]?.ask('join', member);
  };
  const joinAll = async (first: number) => {
    for (let cluster = first; cluster < clusters; cluster += agents.length) await join(cluster);
  };
  await Promise.all(agents.map((_, first) => joinAll(first)));
  await Promise.all(agents.map((one) => one.ask('share', undefined)));
  await Promise.all(agents.map((one) => one.ask('connect', undefined)));
  const all = (clusters - 1) * services;
  while (Math.min(...(await Promise.all(agents.map((one) => one.ask('remotes', undefined))))) < all) {
    signal.throwIfAborted();
    await pause(100);
  }
  await quiet(hub.pid, signal);
  return { hub, endpoint, agents, clusters, changes };
}

function program(stage: Stage, stateDir: string) {
  const at = stage.at('0.1');
  const flags = ['--state-dir', stateDir, '--hub-id', 'bench', '--export-by-label', '--log-level', 'warn'];
  flags.push('--api-listen', `${at}:8080`, '--admin-listen', `${at}:15014`);
  flags.push('--link-listen', `${at}:15101`, '--join-listen', `${at}:15102`, '--parent-pipe');
  return { name: 'hub', script: 'federation/main.ts', flags, env: {} };
}

/** Once it answers. */
async function endpointOf(stateDir: string, signal: AbortSignal): Promise<Endpoint> {
  const file = join(stateDir, 'endpoint.json');
  while (!existsSync(file)) {
    signal.throwIfAborted();
    await pause(20);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Endpoint;
}

/** A durable commit that no agent hears of. */
export async function joinToken(endpoint: Endpoint, cluster: string): Promise<string> {
  const mutation =
    'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token userErrors { code field message } } }';
  const { token } = await mutate<{ token: string; userErrors: [] }>(endpoint, mutation, { cluster });
  return token;
}

const apply =
  'mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { userErrors { code field message } } }';

/** A policy that selects nothing, in its form number `port`. */
export const applyPolicy = (endpoint: Endpoint, port: number): Promise<unknown> => {
  const target = { namespace: 'shop', labels: [{ key: 'app', value: 'nobody' }] };
  const access = { name: 'bench', effect: 'DENY', target, rules: [{ ports: [port] }] };
  return mutate(endpoint, apply, { policy: { access } });
};

const queries = 200;
/** The first compile the program's code, which a hub does once. */
const uncounted = 10;

/** Milliseconds of each of some queries for the first page of services. */
export async function queryTimes(endpoint: Endpoint, signal: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < uncounted + queries && !signal.aborted; i++) {
    const started = now();
    await firstServices(endpoint);
    if (i >= uncounted) times.push(now() - started);
  }
  return times;
}

const firstServices = (endpoint: Endpoint): Promise<unknown> =>
  ask(endpoint, '{ services(first: 50) { nodes { namespace name clusters { cluster } } } }');
