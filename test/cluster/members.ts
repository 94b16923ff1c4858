import type { World } from './world.ts';

interface Answer {
  readonly clusters: {
    readonly nodes: readonly {
      readonly name: string;
      readonly link: { readonly connected: boolean };
      readonly replicas: readonly { readonly id: string; readonly role: string }[];
    }[];
  };
}

const query = '{ clusters(first: 10) { nodes { name link { connected } replicas { id role } } } }';

/** Ids of the replicas of a cluster's agent that the hub hears, the leader's first; none when it hears no leader. */
export async function replicasOf({ hub }: World, cluster: string): Promise<readonly string[]> {
  const { clusters } = await hub.ask<Answer>(query);
  const found = clusters.nodes.find(({ name }) => name === cluster);
  if (found?.link.connected !== true) return [];
  const leader = found.replicas.find(({ role }) => role === 'LEADER');
  return leader === undefined
    ? []
    : [leader.id, ...found.replicas.map(({ id }) => id).filter((id) => id !== leader.id)];
}

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

/** Names of the agent's pods in a cluster. */
export async function agentPods(world: World, cluster: 'east' | 'west'): Promise<readonly string[]> {
  const pods = (await world[cluster].get(
    ...['-n', 'isthmus-system', 'pods', '-l', 'app.kubernetes.io/name=isthmus-agent'],
  )) as Pods;
  return pods.items.map(({ metadata }) => metadata.name).sort();
}
