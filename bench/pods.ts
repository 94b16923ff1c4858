import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { podDir, podPrograms } from '../sandbox/processes/programs.ts';
import { until } from '../sandbox/processes/wait.ts';
import { readEnv } from '../sandbox/processes/pod-env.ts';
import type { Sandbox } from '../sandbox/up.ts';

/** A server of the bench: `near` in the caller's cluster on another node, `far` and `side` in other clusters. */
export const servers = {
  near: { cluster: 'east', node: 'east-b' },
  far: { cluster: 'south', node: 'south-a' },
  side: { cluster: 'west', node: 'west-a' },
} as const;

export const benchPort = 9000;

/**
 * Adds a namespace `bench` to each cluster of a running sandbox: one caller and a server per path, far from the shop.
 * Gives the pods' environments once the agents have written them.
 */
export async function addBenchPods(
  sandbox: Sandbox,
): Promise<Readonly<Record<string, Record<string, string>>>> {
  for (const { name, manifests } of sandbox.clusters)
    writeFileSync(join(manifests, 'bench.yaml'), manifestsOf(name));
  const environments: Record<string, Record<string, string>> = {};
  environments['caller'] = await environment(sandbox, 'east', 'caller');
  for (const [name, { cluster }] of Object.entries(servers))
    environments[name] = await environment(sandbox, cluster, name);
  startSidecar(sandbox, environments['side'] ?? {});
  return environments;
}

async function environment(sandbox: Sandbox, cluster: string, name: string): Promise<Record<string, string>> {
  const file = join(podDir(sandbox.place, cluster, { namespace: 'bench', name }), 'env');
  const written = () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  return readEnv(await until(systemClock, `the environment of ${name}`, written, { within: 30_000 }));
}

/** The proxy only: the application is the load server. */
function startSidecar(sandbox: Sandbox, env: Readonly<Record<string, string>>): void {
  const west = sandbox.clusters.find(({ name }) => name === servers.side.cluster);
  const pod = { namespace: 'bench', name: 'side', app: 'side', sidecar: true };
  const [sidecar] = west ? podPrograms(sandbox.place, west, pod, env) : [];
  if (sidecar) sandbox.launcher.start(sidecar);
}

function manifestsOf(cluster: string): string {
  const mode =
    cluster === servers.side.cluster
      ? { 'istio-injection': 'enabled' }
      : { 'istio.io/dataplane-mode': 'ambient' };
  const here = Object.entries(servers).filter(([, server]) => server.cluster === cluster);
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench', labels: mode } },
    ...Object.keys(servers).map(service),
    ...here.map(([name, { node }]) => pod(name, node)),
    ...(cluster === 'east' ? [pod('caller', 'east-a')] : []),
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'bench', labels: { 'istio.io/global': 'true' } },
  spec: { selector: { app: name }, ports: [{ name: 'tcp', port: benchPort }] },
});

const pod = (name: string, nodeName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'bench', labels: { app: name } },
  spec: {
    nodeName,
    serviceAccountName: 'default',
    containers: [{ name: 'load', image: 'bench/load', ports: [{ containerPort: benchPort }] }],
  },
});
