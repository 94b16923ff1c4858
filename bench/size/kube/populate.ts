import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import {
  clusterObjects,
  probedObject,
  proxyAccount,
  proxyNamespace,
  servicesWithPods,
  type ClusterShape,
  type KubeObject,
} from '../agent/cluster.ts';

type Server = Pick<ApiServer, 'create' | 'patch'>;

/** The namespace that the agent keeps its state in. */
export const agentNamespace = 'isthmus-system';

/** Most calls at a time. */
const lanes = 24;

/** Kinds in the order in which they are created: what others name comes first. */
const order = ['Namespace', 'Node', 'ServiceAccount', 'Service', 'Pod'] as const;

export interface Population extends ClusterShape {
  /** Pods outside the mesh, beside the others: those that change. */
  readonly changing: number;
}

/**
 * Creates the cluster through the API, with the status of each pod as its kubelet would report it: running and ready.
 * Rejects when the API server refuses an object.
 */
export async function populate(server: Server, shape: Population, signal: AbortSignal): Promise<void> {
  const objects = [...objectsOf(shape)];
  for (const kind of order) {
    const those = objects.filter((object) => object.kind === kind);
    await inLanes(those, (object) => create(server, object), signal);
  }
}

function* objectsOf(shape: Population): Generator<KubeObject> {
  yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: agentNamespace } };
  yield* clusterObjects(shape);
  yield account(proxyNamespace, proxyAccount);
  for (const { name, objects } of servicesWithPods(shape, () => false)) {
    const namespace = objects[0]?.metadata.namespace;
    if (namespace !== undefined) yield account(namespace, name);
    yield* objects;
  }
  for (let index = 0; index < shape.changing; index++) yield probedObject(index, `10.250.0.${index + 1}`);
}

const account = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
});

async function create(server: Server, object: KubeObject): Promise<void> {
  const { kind, metadata, status } = object;
  const { name, namespace = '' } = metadata;
  const resource = resourceOf(kind);
  await server.create(resource, namespace, object);
  if (kind !== 'Pod') return;
  const place = { namespace, name, subresource: 'status' } as const;
  await server.patch(resource, place, { how: 'merge' }, { status: { ...status, ...statusOf(true) } });
}

/** Of a pod whose containers run. */
export const statusOf = (isReady: boolean) => ({
  phase: 'Running',
  conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
});

/** The kind as the API server names it in paths. */
export function resourceOf(kind: string): Resource {
  const found = watched.find(({ resource }) => resource.kind === kind);
  if (!found) throw new Error(`an agent does not watch objects of kind ${kind}`);
  return found.resource;
}

async function inLanes<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) {
      signal.throwIfAborted();
      await run(item);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
