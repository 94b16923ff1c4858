import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/**
 * What a node proxy presents and trusts, written into a folder: `xds-token`, the token of a pod with its account, and
 * `xds-root.pem`. The node on which that pod runs.
 */
export async function giveCredentials(cluster: Cluster, folder: string): Promise<string> {
  const node = await runZtunnel(cluster);
  const root = await cluster.kubectl([
    ...['-n', 'isthmus-system', 'get', 'configmap', 'isthmus-xds-root'],
    ...['-o', 'jsonpath={.data.root-cert\\.pem}'],
  ]);
  writeFileSync(join(folder, 'xds-root.pem'), root);
  writeFileSync(join(folder, 'xds-token'), await tokenOf(cluster));
  return node;
}

/** A pod that has a node proxy's account; which node it runs on. */
async function runZtunnel(cluster: Cluster): Promise<string> {
  const metadata = { name: 'ztunnel', namespace: 'istio-system' };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: 'ztunnel' } },
      spec: { serviceAccountName: 'ztunnel', containers: [{ name: 'proxy', image: 'localhost/sample:1' }] },
    },
  );
  await cluster.kubectl([
    '-n',
    'istio-system',
    'wait',
    'pod/ztunnel',
    '--for=condition=Ready',
    '--timeout=60s',
  ]);
  const pod = (await cluster.get('-n', 'istio-system', 'pod', 'ztunnel')) as { spec: { nodeName: string } };
  return pod.spec.nodeName;
}

async function tokenOf(cluster: Cluster): Promise<string> {
  const pod = (await cluster.get('-n', 'istio-system', 'pod', 'ztunnel')) as { metadata: { uid: string } };
  return cluster.kubectl([
    ...['-n', 'istio-system', 'create', 'token', 'ztunnel', '--audience', 'istio-ca'],
    ...[
      '--bound-object-kind',
      'Pod',
      '--bound-object-name',
      'ztunnel',
      '--bound-object-uid',
      pod.metadata.uid,
    ],
  ]);
}
