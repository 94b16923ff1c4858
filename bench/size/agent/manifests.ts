import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterObjects, namespaceOf, probedObject, servicesWithPods, type ClusterShape } from './cluster.ts';

/** A cluster of files. */
interface ClusterFiles extends ClusterShape {
  readonly folder: string;
}

/** A files cluster has 2,976 virtual addresses, of which each node's proxy needs one a service that has any. */
const virtualAddresses = 2_500;

export const probePort = 8080;
/** Where `writeProbedPods` has those that begin with this one. */
export const probedFile = (from: number): string => `probed-${from}.yaml`;
/** Probed pods that flap, once a second each. */
export const flappingPods = { from: 100, to: 150 } as const;

/**
 * One file for each service with its pods, and one with namespaces, nodes and the nodes' proxies. As many services have
 * virtual addresses as there are addresses for; the others are headless.
 */
export function writeCluster(files: ClusterFiles): void {
  mkdirSync(files.folder, { recursive: true });
  writeObjects(files.folder, '000-cluster.yaml', clusterObjects(files));
  const withAddresses = Math.floor(virtualAddresses / files.nodes);
  for (const { name, objects } of servicesWithPods(files, (service) => service >= withAddresses))
    writeObjects(files.folder, `${name}.yaml`, objects);
}

/**
 * Pods outside the mesh that are asked once a second whether they are ready, `from` up to `to`: an answer is a change of
 * one pod that no file and no proxy stands in the way of.
 */
export function writeProbedPods(
  folder: string,
  from: number,
  to: number,
  at: (index: number) => string,
): void {
  const withProbe = { ports: [{ containerPort: probePort }], readinessProbe: probe };
  const objects = Array.from({ length: to - from }, (_, i) =>
    probedObject(from + i, at(from + i), withProbe),
  );
  writeObjects(folder, probedFile(from), objects);
}

const probe = {
  httpGet: { path: '/', port: probePort },
  periodSeconds: 1,
  timeoutSeconds: 5,
  failureThreshold: 1,
  successThreshold: 1,
};

/** The name of its resource. */
export const everythingPolicy = 'istio-system/everything';

/** A policy without a selector in the root namespace, for every pod of the mesh. */
export const policyOfAll = (turn: number): readonly object[] => [
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'everything', namespace: 'istio-system' },
    spec: { action: 'DENY', rules: [{ from: [{ source: { namespaces: [`nowhere-${turn}`] } }] }] },
  },
];

/** A pod of a service that is ready in every other turn. */
export const unsettledPod = (turn: number, { application }: { readonly application: string }) => [
  meshPod(application, 'unsettled', 's-0', '10.200.0.1', turn % 2 === 0),
];

/** A pod of a service that is of another version in every other turn. */
export const flappingPod = {
  /** Of its resource. */
  name: `east//Pod/${namespaceOf(0)}/flapping`,
  objects: (turn: number, { application }: { readonly application: string }): readonly object[] => {
    const pod = meshPod(application, 'flapping', 's-0', '10.200.0.2', true);
    const labels = { ...pod.metadata.labels, version: `v${turn % 2}` };
    return [{ ...pod, metadata: { ...pod.metadata, labels } }];
  },
};

/** A service of many pods, which has another port in each turn. */
export const wide = {
  /** Of its resource. */
  name: `${namespaceOf(0)}/wide.${namespaceOf(0)}.svc.cluster.local`,
  pods: (count: number): readonly object[] =>
    Array.from({ length: count }, (_, i) =>
      meshPod('127.0.0.1', `wide-${i}`, 'wide', `10.201.${Math.floor(i / 250)}.${1 + (i % 250)}`, true),
    ),
  service: (turn: number): readonly object[] => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'wide', namespace: namespaceOf(0) },
      spec: {
        clusterIP: 'None',
        selector: { app: 'wide' },
        ports: [{ name: 'http', port: 80 + (turn % 2), targetPort: 8080 }],
      },
    },
  ],
};

const meshPod = (application: string, name: string, app: string, podIP: string, isReady: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: namespaceOf(0),
    labels: { app },
    annotations: { 'isthmus.io/app-address': application },
  },
  spec: { nodeName: 'n-0', serviceAccountName: 's-0', containers: [{ name: 'c' }] },
  status: { podIP, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
});

export const writeObjects = (folder: string, name: string, objects: readonly object[]): void =>
  writeFileSync(join(folder, name), textOf(objects));

/** The file is there whole or as it was before: an agent reads it without waiting until it stands still. */
export function replaceObjects(folder: string, name: string, objects: readonly object[]): void {
  const next = join(folder, `${name}.next`);
  writeFileSync(next, textOf(objects));
  renameSync(next, join(folder, name));
}

const textOf = (objects: readonly object[]): string =>
  objects.map((one) => JSON.stringify(one)).join('\n---\n');
