import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Running } from '@isthmus/sandbox/processes/spawn.ts';
import { quiet } from '../cost.ts';
import type { PeerProcess } from '../peer-process.ts';
import { now } from '../now.ts';
import type { Stage } from '../stage.ts';
import type { ControlPlaneApi } from './control-plane.ts';
import { network, node, port } from './shape.ts';
import type { TrafficApi } from './traffic.ts';

/** One proxy with one worker, whose control plane costs nothing. */
export interface ProxyWorld {
  readonly proxy: Running;
  readonly controlPlane: PeerProcess<ControlPlaneApi>;
  /** Milliseconds from the start of the process until it said that it is ready. */
  readonly readyIn: number;
  readonly changes: number;
  readonly connections: number;
  /** Opens connections to the pods that the proxy serves; gives how many there are. */
  readonly open: (count: number) => Promise<number>;
}

export interface ProxySizes {
  readonly workloads: number;
  readonly services: number;
  readonly connections: number;
  readonly changes: number;
}

export async function openProxy(
  stage: Stage,
  { workloads, services, connections, changes }: ProxySizes,
  signal: AbortSignal,
): Promise<ProxyWorld> {
  const folder = stage.path('proxy');
  mkdirSync(folder);
  const [host, own] = [stage.at('0.1'), stage.at('16.10')];
  const pods = [1, 2].map((i) => ({ address: stage.at(`17.${i}`), application: stage.at(`18.${i}`) }));
  const vips = Array.from({ length: services }, (_, i) =>
    stage.at(`${64 + Math.floor(i / 250)}.${1 + (i % 250)}`),
  );
  const controlPlane = stage.peer<ControlPlaneApi>('proxy/control-plane.ts');
  await controlPlane.ask('start', { folder, host, workloads, services, vips, pods });
  const started = now();
  const proxy = stage.start(program(folder, `https://${host}:15012`, own));
  await ready(`http://${own}:15021/healthz/ready`, signal);
  const readyIn = now() - started;
  await quiet(proxy.pid, signal);
  const open = async (count: number): Promise<number> => {
    const [server, client] = [0, 1].map(() => stage.peer<TrafficApi>('proxy/traffic.ts'));
    await server?.ask('serve', { addresses: pods.map(({ application }) => application), port });
    const from = Array.from({ length: 100 }, (_, i) => stage.at(`20.${i + 1}`));
    const addresses = pods.map(({ address }) => address);
    return (await client?.ask('open', { count, from, addresses, port })) ?? 0;
  };
  return { proxy, controlPlane, readyIn, changes, connections, open };
}

function program(folder: string, xds: string, own: string) {
  const flags = [
    '--mode',
    'shared',
    '--capture',
    'loopback',
    '--admin-address',
    own,
    '--metrics-address',
    own,
  ];
  flags.push('--log-level', 'error', '--parent-pipe');
  return {
    name: 'proxy',
    script: 'ztunnel/main.ts',
    flags,
    env: {
      XDS_ADDRESS: xds,
      XDS_ROOT_CA: `${folder}/root.pem`,
      AUTH_TOKEN: `${folder}/token`,
      INSTANCE_IP: own,
      NODE_NAME: node,
      NETWORK: network,
      CLUSTER_ID: 'east',
      POD_NAME: 'ztunnel',
      POD_NAMESPACE: 'istio-system',
      SERVICE_ACCOUNT: 'ztunnel',
    },
  };
}

async function ready(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await fetch(url, { signal }).catch(() => undefined);
    if (answer?.ok === true) return;
    await pause(10);
  }
}

/** How many files the process may have open (proc(5), /proc/[pid]/limits). */
export function openFilesOf(pid: number): number {
  const [, soft = '0'] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  return Number(soft);
}
