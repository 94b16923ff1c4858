import { join } from 'node:path';
import type { Running } from '@isthmus/sandbox/processes/spawn.ts';
import type { PeerProcess } from '../peer-process.ts';
import { now } from '../now.ts';
import { quiet } from '../cost.ts';
import type { Stage } from '../stage.ts';
import type { ClientsApi } from './clients.ts';
import { proxyNamespace } from './cluster.ts';
import type { HubApi } from './hub.ts';
import { writeCluster, writeProbedPods } from './manifests.ts';

/** One agent with its folder, a hub that costs nothing, and its proxies' streams. */
export interface AgentWorld {
  readonly agent: Running;
  /** Of its manifests. */
  readonly folder: string;
  readonly application: string;
  /** Pods of the service that has the most of them. */
  readonly wideEndpoints: number;
  readonly hub: PeerProcess<HubApi>;
  readonly clients: PeerProcess<ClientsApi>;
  /** Milliseconds from the start of the process until a first proxy had its whole state. */
  readonly startedIn: number;
  /** Milliseconds until all proxies that started at once had theirs. */
  readonly syncedIn: number;
  /** There are these probed pods, and no others from `from` on that were asked for together. */
  readonly probed: (from: number, to: number) => Promise<void>;
  /** Resolves when the agent has nothing to do. */
  readonly quiet: () => Promise<void>;
}

export interface AgentSizes {
  readonly pods: number;
  readonly services: number;
  readonly clients: number;
  readonly remoteServices: number;
}

const cluster = 'east';

export async function openAgent(
  stage: Stage,
  { pods, services, clients: proxies, remoteServices }: AgentSizes,
  signal: AbortSignal,
): Promise<AgentWorld> {
  const [stateDir, folder] = [stage.path('agent'), stage.path('manifests')];
  const application = stage.at('18.2');
  const hub = stage.peer<HubApi>('agent/hub.ts');
  const clients = stage.peer<ClientsApi>('agent/clients.ts');
  await hub.ask('start', { host: stage.at('0.1'), cluster, stateDir, remoteServices });
  writeCluster({ folder, pods, services, nodes: proxies, application });
  const started = now();
  const agent = stage.start(program(stage, stateDir, folder));
  const at = {
    tokens: join(stateDir, 'pods', proxyNamespace),
    root: join(stateDir, 'xds-root.pem'),
    xds: `${stage.at('16.1')}:15012`,
  };
  const startedIn = (await clients.ask('first', at)).at - started;
  // The tokens of all pods are written meanwhile.
  await quiet(agent.pid, signal);
  const { took: syncedIn } = await clients.ask('sync', { ...at, clients: proxies });
  await clients.ask('certify', { ...at, clients: proxies, services });
  await quiet(agent.pid, signal);
  const listening = new Set<number>();
  const probed = async (from: number, to: number): Promise<void> => {
    const address = (index: number) => stage.at(`48.${index + 2}`);
    for (let index = from; index < to; index++)
      if (!listening.has(index)) {
        listening.add(index);
        await clients.ask('probe', { index, address: address(index) });
      }
    writeProbedPods(folder, from, to, address);
    await quiet(agent.pid, signal);
  };
  const wideEndpoints = Math.round(pods / 2);
  return {
    agent,
    folder,
    application,
    wideEndpoints,
    hub,
    clients,
    startedIn,
    syncedIn,
    probed,
    quiet: () => quiet(agent.pid, new AbortController().signal),
  };
}

function program(stage: Stage, stateDir: string, manifests: string) {
  const flags = ['--cluster', cluster, '--state-dir', stateDir, '--manifests', manifests];
  flags.push('--addresses', `${stage.at('16.0')}/20`, '--bind', stage.at('16.1'), '--log-level', 'warn');
  flags.push('--xds-listen', `${stage.at('16.1')}:15012`, '--parent-pipe');
  return { name: 'agent', script: 'cluster-agent/main.ts', flags, env: {} };
}
