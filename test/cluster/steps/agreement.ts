import { deepEqual, ok } from 'node:assert/strict';
import type { Cluster } from '../cluster.ts';
import type { Step } from '../world.ts';

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: { readonly hostNetwork?: boolean; readonly selector?: object };
    readonly status: { readonly phase?: string };
  }[];
}

interface Stated {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly status: { readonly conditions: readonly { readonly type: string; readonly reason: string }[] };
  }[];
}

const byKubectl = async (cluster: Cluster, kind: string): Promise<Listed['items']> =>
  ((await cluster.get(kind, '-A')) as Listed).items;

const named = ({ metadata }: Listed['items'][number]): string => `${metadata.namespace}/${metadata.name}`;

/** What the command line shows is what kubectl shows. */
export function agreementStep(step: Step): void {
  it('lists both clusters as members, each with its two agents, of which one leads', async () => {
    const clusters =
      await step().hub.show<
        { name: string; state: string; replicas: { role: string }[]; link: { connected: boolean } }[]
      >('clusters');
    deepEqual(
      clusters.map(({ name, state, link, replicas }) => [
        name,
        state,
        link.connected,
        replicas.map(({ role }) => role).sort(),
      ]),
      ['east', 'west'].map((name) => [name, 'ACTIVE', true, ['FOLLOWER', 'LEADER']]),
    );
  });

  it('lists the Services that kubectl lists, in both clusters', async () => {
    const services =
      await step().hub.show<{ namespace: string; name: string; clusters: { cluster: string }[] }[]>(
        'services',
      );
    for (const cluster of [step().east, step().west])
      deepEqual(
        services
          .filter(({ clusters }) => clusters.some((one) => one.cluster === cluster.name))
          .map(({ namespace, name }) => `${namespace}/${name}`)
          .sort(),
        (await byKubectl(cluster, 'services')).map(named).sort(),
      );
  });

  it('lists the pods that kubectl lists, in both clusters', async () => {
    for (const cluster of [step().east, step().west]) {
      const workloads = await step().hub.show<{ namespace: string; name: string; uid: string }[]>(
        'workloads',
        cluster.name,
      );
      const pods = (await byKubectl(cluster, 'pods')).filter(({ status }) => status.phase === 'Running');
      ok(pods.length > 0);
      deepEqual(
        workloads.map(({ namespace, name }) => `${namespace}/${name}`).sort(),
        pods.map(named).sort(),
      );
    }
  });

  it('lists the policies that kubectl lists, with the conditions that stand in their status', async () => {
    const shown = await step().hub.show<
      { namespace: string; name: string; accepted: { reason: string }; enforced: { reason: string } }[]
    >('policy', 'list', '--cluster', 'east');
    const listed = (await step().east.get('authorizationpolicies,peerauthentications', '-A')) as Stated;
    ok(listed.items.length > 0);
    deepEqual(
      shown.map(({ namespace, name, accepted, enforced }) => [
        `${namespace}/${name}`,
        accepted.reason,
        enforced.reason,
      ]),
      listed.items.map(({ metadata, status }) => [
        `${metadata.namespace}/${metadata.name}`,
        ...['ZtunnelAccepted', 'isthmus.io/Enforced'].map(
          (type) => status.conditions.find((one) => one.type === type)?.reason,
        ),
      ]),
    );
  });

  it('shows at each workload the AuthorizationPolicies that kubectl lists for it', async () => {
    const workloads = await step().hub.show<{ name: string; policies: string[] }[]>(
      ...['workloads', 'east', '--namespace', 'shop'],
    );
    const policies = (await byKubectl(step().east, 'authorizationpolicies')).map(named);
    ok(policies.length > 0 && workloads.length > 0);
    for (const { name, policies: shown } of workloads) deepEqual([name, shown], [name, policies]);
  });
}
