import { kubeClient } from '@isthmus/api/kube/client.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { configMaps } from '@isthmus/api/kube/resources.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import type { FakeProxy } from '../fakes/xds-world.ts';
import { allowAgent } from './agent-role.ts';
import { agentNamespace, fill, KubernetesAgent } from './agent-world.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { hurriedClock } from './hurried-clock.ts';
import { definePolicies, denying, policies } from './policy-definition.ts';
import { podToken } from './pod-token.ts';
import type { StartedApiServer } from './start-api-server.ts';

/** What the hub says is wrong with the cluster. */
interface Finding {
  readonly reason: string;
  readonly message: string;
  readonly remedy: string;
}

/** `message` has the remedy, too. */
interface Refused {
  readonly object: string;
  readonly field: string;
  readonly message: string;
}

interface Parts {
  readonly server: ApiServer;
  readonly hub: TestHub;
  readonly faults: FaultProxy;
  readonly agent: KubernetesAgent;
  readonly ztunnel: FakeProxy;
}

/** A watch that says nothing is given up after 100 s, and a server that does not answer counts as away after 5 s. */
const hurried = hurriedClock(10);

/** An agent in a cluster that a real API server has, with faults in front of it, a hub, and a ztunnel with a policy. */
export class FaultyCluster {
  /** The API server itself. */
  readonly server: ApiServer;
  readonly faults: FaultProxy;
  readonly agent: KubernetesAgent;
  readonly ztunnel: FakeProxy;
  readonly #hub: TestHub;

  private constructor({ server, hub, faults, agent, ztunnel }: Parts) {
    this.server = server;
    this.faults = faults;
    this.agent = agent;
    this.ztunnel = ztunnel;
    this.#hub = hub;
  }

  /** Resolves once the ztunnel holds the policy `shop/stays`. */
  static async start(started: StartedApiServer): Promise<FaultyCluster> {
    const { server } = started.client();
    const hub = await startTestHub();
    const faults = await started.faultProxy();
    await allowAgent(server);
    await definePolicies(server);
    const { uid } = (await fill(server)).metadata;
    const through = kubeClient(started.kubeconfig('agent', faults.url), hurried);
    const agent = new KubernetesAgent(through.server, hub, '', hurried);
    await agent.writeJoinToken();
    await agent.start();
    await server.create(policies, 'shop', denying('stays', 'elsewhere'));
    const pod = { namespace: 'istio-system', name: 'ztunnel-1', serviceAccount: 'ztunnel', uid };
    const ztunnel = await agent.connect(await podToken(started, pod), await rootAt(server));
    const cluster = new FaultyCluster({ server, hub, faults, agent, ztunnel });
    await until(() => cluster.isHeld('stays'));
    return cluster;
  }

  async stop(): Promise<void> {
    await this.agent.end();
    await this.faults.stop();
    await this.#hub.stop();
  }

  /** The ztunnel holds this policy of the namespace `shop`. */
  isHeld(policy: string): boolean {
    return this.ztunnel.names(typeUrls.authorization).includes(`shop/${policy}`);
  }

  /** What was taken from the ztunnel since it had taken so many steps. */
  removedSince(steps: number): readonly string[] {
    return this.ztunnel.history.slice(steps).filter((one) => one.startsWith('-'));
  }

  async findings(): Promise<readonly Finding[]> {
    const query = '{ insights(cluster: "east", first: 100) { nodes { reason message remedy } } }';
    const { data } = await this.#hub.ask<{ insights: { nodes: Finding[] } }>(query);
    return data!.insights.nodes;
  }

  /** Objects that the agent has refused, or taken in part. */
  async rejections(): Promise<readonly Refused[]> {
    const query = '{ cluster(name: "east") { rejections { object field message } } }';
    const { data } = await this.#hub.ask<{ cluster: { rejections: Refused[] } }>(query);
    return data!.cluster.rejections;
  }

  async readiness(): Promise<string> {
    return (await this.agent.readiness()).text;
  }

  /** Conditions in the status of a policy of `shop`. */
  async statusOf(
    name: string,
  ): Promise<readonly { readonly type: string; readonly status: string; readonly message: string }[]> {
    const { status } = (await this.server.get(policies, { namespace: 'shop', name })) as {
      status?: { conditions?: { type: string; status: string; message: string }[] };
    };
    return status?.conditions ?? [];
  }

  /** The agent has written that it accepts the policy. */
  async isShown(name: string): Promise<boolean> {
    const all = await this.statusOf(name);
    return all.some(({ type, status }) => type === 'ZtunnelAccepted' && status === 'True');
  }
}

const rootAt = (server: ApiServer): Promise<string> =>
  until(() =>
    server.get(configMaps, { namespace: agentNamespace, name: 'isthmus-xds-root' }).then(
      (map) => (map as { data: Record<string, string> }).data['root-cert.pem'],
      () => undefined,
    ),
  );
