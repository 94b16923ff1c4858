import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { permitted } from '@isthmus/api/kube/access.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { agentAccess } from '@isthmus/cluster-agent/access.ts';
import { reservedBlock } from '@isthmus/cluster-agent/kept/reserved-block.ts';
import { startAgent } from '@isthmus/cluster-agent/start.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { until } from '../fakes/agent.ts';
import type { TestHub } from '../fakes/hub.ts';
import { FakeProxy } from '../fakes/xds-world.ts';

export const agentNamespace = 'isthmus-system';

const core = (kind: string, plural: string, isNamespaced = true): Resource => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  isNamespaced,
});
export const pods = core('Pod', 'pods');
export const services = core('Service', 'services');
const nodes = core('Node', 'nodes', false);
const namespaces = core('Namespace', 'namespaces', false);
const serviceAccounts = core('ServiceAccount', 'serviceaccounts');

const captured = { 'ambient.istio.io/redirection': 'enabled' };

const pod = (namespace: string, name: string, serviceAccountName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  // As a node agent says that it has captured a pod.
  metadata: { name, namespace, labels: { app: serviceAccountName }, annotations: captured },
  spec: {
    nodeName: 'node-1',
    serviceAccountName,
    containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }],
  },
});

const named = (kind: string, name: string, labels: object = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, labels },
});

export const makeAgentNamespace = (server: ApiServer): Promise<unknown> =>
  server.create(namespaces, '', named('Namespace', agentNamespace));

/** A node, a ztunnel, and a service with a pod behind it. Gives the ztunnel's pod as the server has it. */
export async function fill(server: ApiServer): Promise<{ readonly metadata: { readonly uid: string } }> {
  const istio = named('Namespace', 'istio-system', { 'topology.istio.io/network': 'network-east' });
  await server.create(namespaces, '', istio);
  await server.create(namespaces, '', named('Namespace', 'shop', { 'istio.io/dataplane-mode': 'ambient' }));
  await server.create(nodes, '', named('Node', 'node-1'));
  await server.create(serviceAccounts, 'istio-system', named('ServiceAccount', 'ztunnel'));
  await server.create(serviceAccounts, 'shop', named('ServiceAccount', 'cart'));
  await server.create(services, 'shop', {
    ...named('Service', 'cart'),
    spec: {
      selector: { app: 'cart' },
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10'],
      ports: [{ port: 80 }],
    },
  });
  const ztunnel = await server.create(pods, 'istio-system', pod('istio-system', 'ztunnel-1', 'ztunnel'));
  await server.create(pods, 'shop', pod('shop', 'cart-1', 'cart'));
  await setReady(server, 'shop', 'cart-1', '10.0.0.2', true);
  await setReady(server, 'istio-system', 'ztunnel-1', '10.0.0.3', true);
  return ztunnel as { metadata: { uid: string } };
}

/** As a node agent writes it; null: it takes its word back. */
export const setCaptured = (
  server: ApiServer,
  namespace: string,
  name: string,
  redirection: 'enabled' | null,
): Promise<unknown> =>
  server.patch(
    pods,
    { namespace, name },
    { how: 'merge' },
    {
      metadata: { annotations: { 'ambient.istio.io/redirection': redirection } },
    },
  );

/** As a kubelet writes it. */
export async function setReady(
  server: ApiServer,
  namespace: string,
  name: string,
  podIP: string,
  isReady: boolean,
): Promise<void> {
  const place = { namespace, name };
  const known = (await server.get(pods, place)) as object;
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
  await server.replace(pods, { ...place, subresource: 'status' }, { ...known, status });
}

/** The agent of a cluster that an API server has, and a proxy of it. Each start is a new pod, with a folder of its own. */
export class KubernetesAgent {
  readonly #server: ApiServer;
  readonly #hub: TestHub;
  readonly #number: number;
  readonly #clock: Clock;
  readonly #dir = mkdtempSync(join(tmpdir(), 'isthmus-kubernetes-'));
  #stop = new AbortController();
  #proxy: FakeProxy | undefined;
  stateDir = '';

  constructor(server: ApiServer, hub: TestHub, joinToken = '', clock: Clock = systemClock) {
    this.#clock = clock;
    this.#server = server;
    this.#hub = hub;
    // A second replica, with another address and the same token.
    this.#number = joinToken === '' ? 1 : 2;
    if (joinToken !== '') writeFileSync(join(this.#dir, 'join-token'), joinToken);
  }

  get #address(): string {
    return `127.${this.#hub.octet}.16.${this.#number}`;
  }

  async writeJoinToken(): Promise<void> {
    const mutation =
      'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token } }';
    const { data } = await this.#hub.ask<{ result: { token: string } }>(mutation, {
      input: { cluster: 'east' },
    });
    writeFileSync(join(this.#dir, 'join-token'), data!.result.token);
  }

  get joinToken(): string {
    return readFileSync(join(this.#dir, 'join-token'), 'utf8');
  }

  async start(replica = 'agent-1'): Promise<void> {
    this.stateDir = mkdtempSync(join(this.#dir, 'pod-'));
    this.#stop = new AbortController();
    const remoteAddresses = reservedBlock('240.0.0.0/12');
    if (!remoteAddresses.ok) throw new Error(remoteAddresses.error);
    await startAgent(
      {
        cluster: 'east',
        stateDir: this.stateDir,
        runtime: {
          kind: 'kubernetes',
          server: permitted(this.#server, agentAccess, agentNamespace),
          namespace: agentNamespace,
          replica,
          remoteAddresses: remoteAddresses.value,
        },
        xdsHost: this.#address,
        xdsPort: 15_012,
        admin: { host: this.#address, port: 15_020 },
        // The same of all replicas: one certificate is that of all.
        xdsNames: [1, 2].map((number) => `127.${this.#hub.octet}.16.${number}`),
        replicaListen: `${this.#address}:15013`,
        localAddress: this.#address,
        tokenFile: join(this.#dir, 'join-token'),
        trustDomain: defaultTrustDomain,
        clock: this.#clock,
        random: systemRandom,
        log: silentLog,
      },
      this.#stop.signal,
    );
  }

  /** What its admin port says of its readiness. */
  async readiness(): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://${this.#address}:15020/readyz`);
    return { status: answer.status, text: await answer.text() };
  }

  /** A ztunnel with this token, which trusts what a ConfigMap shows it. */
  async connect(token: string, root: string): Promise<FakeProxy> {
    await this.#proxy?.stop();
    writeFileSync(join(this.#dir, 'root.pem'), root);
    writeFileSync(join(this.#dir, 'token'), token);
    const path = (name: string) => join(this.#dir, name);
    const world = { port: 15_012, path };
    const at = { address: `${this.#address}:15012`, localAddress: this.#address };
    this.#proxy = new FakeProxy(world, at, systemClock);
    return this.#proxy;
  }

  /** Its pod is deleted. */
  async stop(): Promise<void> {
    await this.#proxy?.stop();
    this.#proxy = undefined;
    this.#stop.abort(new Error('stopped'));
    await until(() => this.#isFree());
  }

  async #isFree(): Promise<boolean> {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(15_012, this.#address, () => resolve(true));
    });
    server.close();
    return isFree;
  }

  read(file: string): string {
    return readFileSync(join(this.stateDir, file), 'utf8');
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
