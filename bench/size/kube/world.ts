import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { Running } from '@isthmus/sandbox/processes/spawn.ts';
import { podToken } from '../../../test/kube/pod-token.ts';
import { assets, StartedApiServer } from '../../../test/kube/start-api-server.ts';
import { residentBytes } from '../../cpu.ts';
import type { HubApi } from '../agent/hub.ts';
import { proxyAccount, proxyNamespace, proxyPod } from '../agent/cluster.ts';
import type { Synced } from '../agent/streams.ts';
import { quiet } from '../cost.ts';
import { now } from '../now.ts';
import type { PeerProcess } from '../peer-process.ts';
import type { Stage } from '../stage.ts';
import type { KubeClientsApi } from './clients.ts';
import { agentNamespace, populate, resourceOf } from './populate.ts';

/** One agent with its API server, a hub that costs nothing, and its proxies' streams. */
export interface KubeWorld {
  readonly agent: Running;
  readonly clients: PeerProcess<KubeClientsApi>;
  /** Milliseconds from the start of the process until a first proxy had its whole state. */
  readonly startedIn: number;
  /** Bytes, once the first proxy has left and nothing is to be done. */
  readonly resident: number;
  /** Of one proxy, while there is no other. */
  readonly one: Synced;
  /** Of all proxies at once, which stay. */
  readonly all: Synced;
}

export interface KubeSizes {
  readonly pods: number;
  readonly services: number;
  readonly clients: number;
  readonly changing: number;
}

const cluster = 'east';

export async function openKube(
  stage: Stage,
  { pods, services, clients: nodes, changing }: KubeSizes,
  signal: AbortSignal,
): Promise<KubeWorld> {
  if (assets === undefined) throw new Error('KUBEBUILDER_ASSETS is not set');
  const server = await stage.hold(StartedApiServer.start(assets));
  const admin = server.client().server;
  await letAgent(admin);
  const shape = { pods, services, nodes, application: stage.at('18.2') };
  await populate(admin, { ...shape, changing }, signal);
  const [stateDir, tokens] = [stage.path('agent'), stage.path('tokens')];
  await writeTokens(server, nodes, tokens);
  const hub = stage.peer<HubApi>('agent/hub.ts');
  const clients = stage.peer<KubeClientsApi>('kube/clients.ts');
  await hub.ask('start', { host: stage.at('0.1'), cluster, stateDir, remoteServices: 0 });
  await clients.ask('report', { kubeconfig: server.kubeconfig(), pods: changing });
  const started = now();
  const agent = stage.start(program(stage, stateDir, server.kubeconfig('agent')));
  const unlessEnded = <T>(run: Promise<T>): Promise<T> => Promise.race([run, endOf(agent)]);
  const at = { tokens, root: join(stateDir, 'xds-root.pem'), xds: `${stage.at('16.1')}:15012` };
  const first = await unlessEnded(clients.ask('first', at));
  await quiet(agent.pid, signal);
  const resident = residentBytes(agent.pid);
  // One whose token the API server has not reviewed yet, where there is one.
  const one = await unlessEnded(clients.ask('first', { ...at, node: nodes - 1 }));
  await quiet(agent.pid, signal);
  const all = await unlessEnded(clients.ask('sync', { ...at, clients: nodes }));
  for (const synced of [first, one, all]) checkWhole(synced, pods + services);
  await unlessEnded(clients.ask('certify', { ...at, clients: nodes, services }));
  await quiet(agent.pid, signal);
  return { agent, clients, startedIn: first.at - started, resident, one, all };
}

/** The agent is a user as others are, of whom the API server takes only so many calls at a time. */
async function letAgent(server: Pick<ApiServer, 'create'>): Promise<void> {
  const [group, version] = ['rbac.authorization.k8s.io', 'v1'];
  const bindings = { group, version, kind: 'ClusterRoleBinding', plural: 'clusterrolebindings' };
  await server.create({ ...bindings, isNamespaced: false }, '', {
    metadata: { name: 'agent' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: group, kind: 'User', name: 'agent' }],
  });
}

/** What kubelets would mount into the proxies' pods. */
async function writeTokens(server: StartedApiServer, nodes: number, folder: string): Promise<void> {
  const { server: admin } = server.client();
  for (let node = 0; node < nodes; node++) {
    const place = { namespace: proxyNamespace, name: proxyPod(node) };
    const pod = (await admin.get(resourceOf('Pod'), place)) as {
      readonly metadata: { readonly uid: string };
    };
    const token = await podToken(server, { ...place, uid: pod.metadata.uid, serviceAccount: proxyAccount });
    const file = join(folder, place.name, 'token');
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, token, { mode: 0o600 });
  }
}

function program(stage: Stage, stateDir: string, kubeconfig: string) {
  const flags = ['--cluster', cluster, '--state-dir', stateDir, '--kubernetes', kubeconfig];
  flags.push('--namespace', agentNamespace, '--bind', stage.at('16.1'), '--log-level', 'warn');
  flags.push('--xds-listen', `${stage.at('16.1')}:15012`, '--parent-pipe');
  return { name: 'agent', script: 'cluster-agent/main.ts', flags, env: {} };
}

/** Rejects when the agent ends. */
async function endOf(agent: Running): Promise<never> {
  const { code, signal } = await agent.exited;
  const last = agent.log().trimEnd().split('\n').at(-1) ?? '';
  throw new Error(`the agent ended with ${signal ?? code}: ${last.slice(0, 500)}`);
}

function checkWhole({ addresses }: Synced, wanted: number): void {
  if (addresses < wanted)
    throw new Error(`a client has ${addresses} workloads and services of at least ${wanted}`);
}
