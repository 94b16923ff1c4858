import type { Cluster } from './cluster.ts';

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

/** What a person would look at first after a failure: the pods of Isthmus, why one is not ready, and its last lines. */
export async function evidenceIn(cluster: Cluster): Promise<string> {
  const system = ['-n', 'isthmus-system'];
  const { items } = (await cluster.get(...system, 'pods')) as Pods;
  const parts = [await cluster.kubectl(['get', 'pods', ...system, '-o', 'wide'])];
  for (const { metadata, status } of items) {
    if (status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')) continue;
    const ready = `/api/v1/namespaces/isthmus-system/pods/${metadata.name}:15014/proxy/readyz?verbose`;
    for (const words of [
      ['get', '--raw', ready],
      ['logs', ...system, metadata.name, '--tail=25'],
      ['logs', ...system, metadata.name, '--tail=25', '--previous'],
    ])
      parts.push(await cluster.kubectl(words).catch((error: unknown) => String(error)));
  }
  return `${cluster.name}:\n${parts.join('\n')}`;
}
