import { join } from 'node:path';
import type { SampleCluster, SamplePod } from '../instance/clusters.ts';
import type { Program } from './spawn.ts';

/** Where things are in one running sandbox. */
export interface Place {
  readonly stateDir: string;
  readonly octet: number;
  /** Folder for the gateways' debug taps; undefined: no taps. */
  readonly tapDir: string | undefined;
}

export const hubStateDir = (place: Place): string => join(place.stateDir, 'hub');
/** Where the front end writes its port on 127.0.0.1: the first free one from 8090 up. */
export const shopPortFile = (place: Place): string => join(place.stateDir, 'shop-port');
export const agentStateDir = (place: Place, cluster: string): string =>
  join(place.stateDir, cluster, 'agent');
export const podsDir = (place: Place, cluster: string): string => join(agentStateDir(place, cluster), 'pods');
export const podDir = (place: Place, cluster: string, pod: { namespace: string; name: string }): string =>
  join(podsDir(place, cluster), pod.namespace, pod.name);

export function hubProgram(place: Place, apiPort: number): Program {
  const at = `127.${place.octet}.0.1`;
  const flags = ['--state-dir', hubStateDir(place), '--api-listen', `127.0.0.1:${apiPort}`];
  flags.push('--admin-listen', `${at}:15014`);
  flags.push(
    '--link-listen',
    `${at}:15101`,
    '--join-listen',
    `${at}:15102`,
    '--export-by-label',
    '--parent-pipe',
  );
  return { name: 'hub', script: 'federation/main.ts', flags, env: {} };
}

export function agentProgram(place: Place, cluster: SampleCluster): Program {
  const flags = ['--cluster', cluster.name, '--state-dir', agentStateDir(place, cluster.name)];
  flags.push('--manifests', cluster.manifests, '--addresses', cluster.block, '--bind', cluster.agentAddress);
  flags.push('--xds-listen', `${cluster.agentAddress}:15012`);
  flags.push('--join-token-file', join(place.stateDir, cluster.name, 'join-token'), '--parent-pipe');
  return { name: `${cluster.name}-agent`, script: 'cluster-agent/main.ts', flags, env: {} };
}

/** The programs of one pod, once the agent has written its environment: proxy first. */
export function podPrograms(
  place: Place,
  cluster: SampleCluster,
  pod: SamplePod,
  env: Readonly<Record<string, string>>,
): readonly Program[] {
  if (pod.app === 'ztunnel') return [proxy(place, cluster, pod, env, 'shared')];
  if (pod.app === 'eastwest-gateway') return [proxy(place, cluster, pod, env, 'gateway')];
  const sidecar = pod.sidecar ? [proxy(place, cluster, pod, env, 'sidecar')] : [];
  return [...sidecar, application(place, cluster, pod, env)];
}

function proxy(
  place: Place,
  cluster: SampleCluster,
  pod: SamplePod,
  env: Readonly<Record<string, string>>,
  mode: 'shared' | 'gateway' | 'sidecar',
): Program {
  const root = join(agentStateDir(place, cluster.name), 'xds-root.pem');
  const controlPlane = `https://${cluster.agentAddress}:15012`;
  // Every proxy of the machine has port 15000, so each needs an address of its own for it.
  const own = env['APP_ADDRESS'] ?? '';
  const flags = ['--mode', mode, '--capture', 'loopback', '--admin-address', own, '--metrics-address', own];
  flags.push('--access-log', '-', '--parent-pipe');
  if (mode === 'gateway' && place.tapDir !== undefined)
    flags.push('--tap', join(place.tapDir, `${cluster.name}.tap`));
  return {
    name: `${cluster.name}-${pod.name}${mode === 'sidecar' ? '-sidecar' : ''}`,
    script: mode === 'sidecar' ? 'sidecar/main.ts' : 'ztunnel/main.ts',
    flags,
    env: {
      XDS_ADDRESS: controlPlane,
      CA_ADDRESS: controlPlane,
      XDS_ROOT_CA: root,
      CA_ROOT_CA: root,
      AUTH_TOKEN: join(podDir(place, cluster.name, pod), 'token'),
      NETWORK: cluster.network,
      CLUSTER_ID: cluster.name,
      INSTANCE_IP: env['POD_IP'] ?? '',
      ...pick(env, ['NODE_NAME', 'POD_NAME', 'POD_NAMESPACE', 'SERVICE_ACCOUNT']),
    },
  };
}

function application(
  place: Place,
  cluster: SampleCluster,
  pod: SamplePod,
  env: Readonly<Record<string, string>>,
): Program {
  const shopPort = pod.app === 'frontend' ? { SHOP_PORT: '8090', SHOP_PORT_FILE: shopPortFile(place) } : {};
  const tap =
    place.tapDir === undefined ? {} : { APP_TAP: join(place.tapDir, `${cluster.name}-${pod.name}.app-tap`) };
  return {
    name: `${cluster.name}-${pod.name}`,
    script: `sandbox/shop/${pod.app}.ts`,
    flags: [],
    env: { ...env, ...shopPort, ...tap, APP: pod.app, CLUSTER_ID: cluster.name },
  };
}

function pick(env: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']));
}
