import { match } from 'node:assert/strict';
import { AgentClient } from '../agent-client.ts';
import { forward } from '../forward.ts';
import { until } from '../measured.ts';
import { agentPods, replicasOf } from '../members.ts';
import type { Step, World } from '../world.ts';

const system = ['-n', 'isthmus-system'];
const remote = 'remote-only';

interface Conditions {
  readonly cluster: { readonly conditions: readonly { readonly reason: string; readonly message: string }[] };
}

interface Role {
  readonly rules: readonly { readonly resources: readonly string[] }[];
}

/** Agents that lack a verb, and agents that start while the hub is away. */
export function withoutStep(step: Step): void {
  it('agents whose role lacks a verb name it in readiness and GraphQL, and serve the rest', async () => {
    const { east, measured } = step();
    const { rules } = (await east.get('clusterrole', 'isthmus-agent')) as Role;
    await giveRules(
      step(),
      rules.filter(({ resources }) => !resources.includes('gateways')),
    );
    const before = await agentPods(step(), 'east');
    const began = performance.now();
    await east.kubectl([...system, 'delete', 'pod', ...before, '--wait=false']);
    await until('the finding about Gateways', 90_000, async () => (await forbidden(step())) || undefined);
    measured.within('without', 'a missing verb is in GraphQL', performance.now() - began, 60_000);
    const [leader = ''] = await until('agents without that verb', 90_000, () =>
      newAgents(step(), before),
    ).then(({ value }) => value);
    const way = await forward(east, `pod/${leader}`, 15_014);
    const page = await (await fetch(`http://127.0.0.1:${way.port}/readyz?verbose`)).text();
    way.close();
    match(page, /Gateway objects are not read/);
    await isServed(step(), 'without-a-verb');
    await giveRules(step(), rules);
    await until(
      'the finding about Gateways is gone',
      90_000,
      async () => !(await forbidden(step())) || undefined,
    );
  });

  it('an agent that starts while the hub is away serves what other clusters export', async () => {
    const { east, west, hub, measured } = step();
    await west.apply(service(remote));
    await hub.isthmus('export', `shop/${remote}`, '--reason', 'a service that east has not');
    await isServed(step(), remote, 'west');
    const [leader = ''] = await replicasOf(step(), 'east');
    await east.kubectl([...system, 'scale', 'statefulset', 'isthmus-hub', '--replicas=0']);
    await east.kubectl([...system, 'wait', 'pod/isthmus-hub-0', '--for=delete', '--timeout=60s']);
    const before = await agentPods(step(), 'east');
    const began = performance.now();
    // The leader's: its successor starts while nobody holds the Lease.
    await east.kubectl([...system, 'delete', 'pod', leader, '--wait=false']);
    const { value: successor } = await until('a successor', 60_000, async () =>
      (await agentPods(step(), 'east')).find((name) => !before.includes(name)),
    );
    await east.kubectl([...system, 'wait', `pod/${successor}`, '--for=condition=Ready', '--timeout=90s']);
    await holds(step(), successor, remote);
    measured.within(
      'without',
      'an agent that starts without the hub serves a service of another cluster',
      performance.now() - began,
      60_000,
    );
    await east.kubectl([...system, 'scale', 'statefulset', 'isthmus-hub', '--replicas=1']);
    for (const cluster of ['east', 'west'] as const)
      await until(`${cluster} at the hub`, 90_000, async () =>
        (await replicasOf(step(), cluster)).length === 2 ? true : undefined,
      );
    await hub.isthmus('unexport', `shop/${remote}`, '--reason', 'the test is over', '--yes');
    await west.kubectl(['-n', 'shop', 'delete', 'service', remote]);
  });
}

const service = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: 'cart' }, ports: [{ port: 8080 }] },
});

const giveRules = ({ east }: World, rules: Role['rules']): Promise<string> =>
  east.kubectl(['patch', 'clusterrole', 'isthmus-agent', '--type=merge', '-p', JSON.stringify({ rules })]);

async function forbidden({ hub }: World): Promise<boolean> {
  const { cluster } = await hub.ask<Conditions>(
    '{ cluster(name: "east") { conditions { reason message } } }',
  );
  return cluster.conditions.some(
    ({ reason, message }) => reason === 'KIND_FORBIDDEN' && message.startsWith('Gateway objects'),
  );
}

/** Replicas of east that the hub hears, once all of them are others than before. */
async function newAgents(world: World, before: readonly string[]): Promise<readonly string[] | undefined> {
  const replicas = await replicasOf(world, 'east');
  return replicas.length === 2 && !replicas.some((id) => before.includes(id)) ? replicas : undefined;
}

/** A Service of the cluster is in GraphQL. One of east is made and deleted again. */
async function isServed({ east, hub }: World, name: string, cluster = 'east'): Promise<void> {
  if (cluster === 'east') await east.apply(service(name));
  const query = '{ services(namespace: "shop", first: 100) { nodes { name clusters { cluster } } } }';
  type Services = { services: { nodes: { name: string; clusters: { cluster: string }[] }[] } };
  await hub.until<Services, true>(`the Service ${name} in GraphQL`, 30_000, query, ({ services }) =>
    services.nodes.some((one) => one.name === name && one.clusters.some((its) => its.cluster === cluster))
      ? true
      : undefined,
  );
  if (cluster === 'east') await east.kubectl(['-n', 'shop', 'delete', 'service', name]);
}

/** A client of one agent's xDS gets a service. */
async function holds(world: World, agent: string, name: string): Promise<void> {
  const client = await AgentClient.open(world, await forward(world.east, `pod/${agent}`, 15_012));
  await client
    .until(`${name} at ${agent}`, 30_000, (found) => {
      return found.portsOf(`shop/${name}.shop.svc.cluster.local`)?.includes(8080) === true;
    })
    .finally(() => client.close());
}
