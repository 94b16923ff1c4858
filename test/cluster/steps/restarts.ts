import { deepEqual } from 'node:assert/strict';
import { agentPods, replicasOf } from '../members.ts';
import { until } from '../measured.ts';
import type { ClusterTool } from '../tool.ts';
import type { Step, World } from '../world.ts';

const system = ['-n', 'isthmus-system'];

/** The hub hears a leader and as many replicas as `pods`, and none that was before. */
async function heard(world: World, cluster: 'east' | 'west', gone: readonly string[]): Promise<number> {
  const { millis } = await until(`all agents of ${cluster} at the hub`, 90_000, async () => {
    const [replicas, pods] = [await replicasOf(world, cluster), await agentPods(world, cluster)];
    const isSo = replicas.length === 2 && !replicas.some((id) => gone.includes(id) || !pods.includes(id));
    return isSo || undefined;
  });
  return millis;
}

/** Pods that are deleted, nodes that lose power: nothing is lost, and each is back within its time. */
export function restartsStep(step: Step): void {
  it('a render of the chart after the join changes nothing', async () => {
    const { east } = step();
    const generation = [
      'get',
      'deployment',
      'isthmus-agent',
      ...system,
      '-o',
      'jsonpath={.metadata.generation}',
    ];
    const before = await east.kubectl(generation);
    await east.helm('upgrade', 'isthmus', 'charts/isthmus-cluster', ...system, '--set', 'cluster.name=east');
    deepEqual(await east.kubectl(generation), before);
  });

  it('the hub whose pod is deleted hears all clusters again', async () => {
    const { east, measured } = step();
    const began = performance.now();
    await east.kubectl([...system, 'delete', 'pod', 'isthmus-hub-0', '--wait=false']);
    for (const cluster of ['east', 'west'] as const) await heard(step(), cluster, []);
    measured.within(
      'restarts',
      'the hub whose pod was deleted hears both clusters',
      performance.now() - began,
      45_000,
    );
  });

  it('agents whose pods are deleted one after the other are back, and one leads', async () => {
    const { east, measured } = step();
    for (const pod of await agentPods(step(), 'east')) {
      const began = performance.now();
      await east.kubectl([...system, 'delete', 'pod', pod, '--wait=false']);
      await heard(step(), 'east', [pod]);
      measured.within(
        'restarts',
        'an agent whose pod was deleted has a successor',
        performance.now() - began,
        45_000,
      );
    }
  });

  it('agents whose pods are deleted together are back, and one leads', async () => {
    const { east, measured } = step();
    const pods = await agentPods(step(), 'east');
    const began = performance.now();
    await east.kubectl([...system, 'delete', 'pod', ...pods, '--wait=false']);
    await heard(step(), 'east', pods);
    measured.within(
      'restarts',
      'two agents whose pods were deleted have successors',
      performance.now() - began,
      60_000,
    );
  });
}

/** What only the tool that made the clusters can do to them. */
export function powerStep(step: Step): void {
  const withTool = (title: string, run: (world: World, tool: ClusterTool) => Promise<void>) =>
    it(title, async function () {
      const { tool } = step();
      if (tool !== undefined) return run(step(), tool);
      console.log('      NOT RUN: these clusters were not made by CLUSTER_TOOL');
      this.skip();
    });

  withTool("the hub's node loses power and gets it back", async (world, tool) => {
    await tool.run(['node', 'east', 'kill', '2']);
    // A node counts as dead after 12 s here.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const began = performance.now();
    await tool.run(['node', 'east', 'start', '2']);
    for (const cluster of ['east', 'west'] as const) await heard(world, cluster, []);
    world.measured.within(
      'power',
      'a hub whose node is back hears both clusters',
      performance.now() - began,
      90_000,
    );
  });

  withTool(
    'the API server stops for 60 s: agents go on, and what changes then is seen',
    async (world, tool) => {
      const pods = await agentPods(world, 'east');
      await stopApiServer(tool);
      // As long as a control plane may be away while it is upgraded: longer than the Lease and every retry.
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      await startApiServer(tool);
      const began = performance.now();
      await heard(world, 'east', []);
      world.measured.within(
        'power',
        'the hub hears east after its API server was away',
        performance.now() - began,
        60_000,
      );
      deepEqual(await agentPods(world, 'east'), pods);
      await seesNew(world, 'after-the-stop');
    },
  );

  withTool('etcd forgets old revisions: agents list again, and go on', async (world, tool) => {
    const etcd = (path: string, body: object) =>
      tool.run([
        ...['run', 'east', '--', 'curl', '-sSf', `http://127.0.0.1:2379/v3/${path}`],
        ...['-d', JSON.stringify(body)],
      ]);
    const status = JSON.parse(await etcd('maintenance/status', {})) as { header: { revision: string } };
    await etcd('kv/compaction', { revision: status.header.revision, physical: true });
    await seesNew(world, 'after-the-compaction');
  });
}

const inEast = (tool: ClusterTool, script: string): Promise<string> =>
  tool.run(['run', 'east', '--', 'sh', '-c', script]);

/** A shell starts the API server again a second after it has ended: it has to stand still meanwhile. */
const supervisor = '$(cat /run/api-server-supervisor)';

const stopApiServer = (tool: ClusterTool): Promise<string> =>
  inEast(
    tool,
    `api=$(pgrep -x kube-apiserver) && awk '/^PPid:/ {print $2}' /proc/$api/status > /run/api-server-supervisor &&
     kill -STOP ${supervisor} && kill -KILL $api`,
  );

const startApiServer = (tool: ClusterTool): Promise<string> => inEast(tool, `kill -CONT ${supervisor}`);

/** A Service that is made now is in GraphQL soon. */
async function seesNew({ east, hub, measured }: World, name: string): Promise<void> {
  await east.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: 'cart' }, ports: [{ port: 80 }] },
  });
  const query = '{ services(namespace: "shop", first: 100) { nodes { name } } }';
  const { millis } = await hub.until<{ services: { nodes: readonly { name: string }[] } }, true>(
    `the Service ${name} in GraphQL`,
    60_000,
    query,
    ({ services }) => services.nodes.some((one) => one.name === name) || undefined,
  );
  measured.within('power', `the Service ${name} is in GraphQL`, millis, 30_000);
  await east.kubectl(['-n', 'shop', 'delete', 'service', name]);
}
