import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { podDir } from '../processes/programs.ts';
import { readEnv } from '../processes/pod-env.ts';
import type { Sandbox } from '../up.ts';

/** The environment that the agent gave a pod of the sandbox: its addresses and the VIPs of its proxy. */
export function podEnv(
  sandbox: Sandbox,
  cluster: string,
  name: string,
  namespace = 'shop',
): Record<string, string> {
  return readEnv(readFileSync(join(podDir(sandbox.place, cluster, { namespace, name }), 'env'), 'utf8'));
}

export const podAddress = (sandbox: Sandbox, cluster: string, name: string, namespace = 'shop'): string =>
  podEnv(sandbox, cluster, name, namespace)['POD_IP'] ?? '';

/** Cluster name to the address of its east-west gateway. */
export function gatewayAddresses(sandbox: Sandbox): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sandbox.clusters.map(({ name }) => [name, podAddress(sandbox, name, 'eastwest-gateway', 'istio-system')]),
  );
}

/** A load from a pod to a service as that pod's applications would call it. */
export function aim(
  sandbox: Sandbox,
  from: { cluster: string; pod: string },
  service: string,
): { localAddress: string; host: string; port: number } {
  const env = podEnv(sandbox, from.cluster, from.pod);
  const name = service.toUpperCase();
  return {
    localAddress: env['POD_IP'] ?? '',
    host: env[`${name}_SERVICE_HOST`] ?? '',
    port: Number(env[`${name}_SERVICE_PORT`]),
  };
}

/** Where the proxy of a pod shows its state and its metrics. */
export const proxyAdmin = (sandbox: Sandbox, cluster: string, name: string, namespace = 'shop'): string =>
  `http://${podEnv(sandbox, cluster, name, namespace)['APP_ADDRESS'] ?? ''}`;

export const gatewayMetrics = (sandbox: Sandbox, cluster: string): string =>
  `${proxyAdmin(sandbox, cluster, 'eastwest-gateway', 'istio-system')}:15020/metrics`;
