import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@grpc/grpc-js';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { configMaps, leases, secrets } from '@isthmus/api/kube/resources.ts';
import { reservedBlock } from '@isthmus/cluster-agent/kept/reserved-block.ts';
import type { Leadership } from '@isthmus/cluster-agent/leader/leadership.ts';
import type { Parts } from '@isthmus/cluster-agent/parts.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { writtenKinds } from '@isthmus/cluster-agent/status/written-kinds.ts';
import { startAgent } from '@isthmus/cluster-agent/start.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeApiServer } from './api-server/fake-api-server.ts';
import { FakeProxy, ourNode } from './xds-world.ts';

const namespace = 'isthmus-system';

/** Who leads, as a test says: no replica waits for a Lease. */
class Lead {
  readonly #listeners = new Map<string, () => void>();
  leader: { readonly id: string; readonly address: string } | undefined;

  of(id: string): Leadership {
    const leader = () => this.leader;
    return {
      id,
      leads: () => leader()?.id === id,
      get leader() {
        return leader();
      },
      onChange: (listener) => {
        const before = this.#listeners.get(id);
        this.#listeners.set(id, () => {
          before?.();
          listener();
        });
      },
      run: () => Promise.resolve(),
    };
  }

  set(leader: { readonly id: string; readonly address: string }): void {
    this.leader = leader;
    for (const listener of this.#listeners.values()) listener();
  }

  forget(id: string): void {
    this.#listeners.delete(id);
  }
}

/** One replica of the agent of a cluster, in a pod of its own. */
export interface RunningReplica {
  readonly id: string;
  readonly parts: Parts;
  /** From now on it is the one that leads. */
  lead(): void;
  /** A ztunnel that has its stream here, and certificates of the pods that it serves. */
  connect(ztunnel: number): Promise<FakeProxy>;
  /** Its pod is gone, with its disk. */
  kill(): void;
}

/**
 * A cluster of two nodes, each with a ztunnel and a pod behind the service `cart`, in an API server in memory, and as many
 * replicas of its agent as a test starts.
 */
export class ReplicatedAgent {
  readonly server = new FakeApiServer([
    ...watched.map(({ resource }) => resource),
    secrets,
    configMaps,
    leases,
    writtenKinds.Event.resource,
  ]);
  readonly #dir = mkdtempSync(join(tmpdir(), 'isthmus-replicas-'));
  readonly #block: string;
  readonly #lead = new Lead();
  readonly #running = new Set<() => void>();
  readonly #proxies = new Set<FakeProxy>();
  #started = 0;

  /** `block`: the first two bytes of its loopback addresses. */
  constructor(block: string, joinToken: string) {
    this.#block = block;
    writeFileSync(join(this.#dir, 'join-token'), joinToken);
    this.server.answer('tokenreviews', (review) => ({ ...review, status: this.#reviewed(review) }));
    const versions = [{ version: 'v1' }];
    this.server.serve('/apis/security.istio.io', { versions });
    this.#fill();
  }

  async start(id: string): Promise<RunningReplica> {
    const host = `${this.#block}.${++this.#started}`;
    const replicaListen = `${host}:15103`;
    const remoteAddresses = reservedBlock('240.0.0.0/12');
    if (!remoteAddresses.ok) throw new Error(remoteAddresses.error);
    const stateDir = mkdtempSync(join(this.#dir, 'pod-'));
    const stop = new AbortController();
    const kill = () => {
      this.#running.delete(kill);
      this.#lead.forget(id);
      stop.abort(new Error('killed'));
    };
    this.#running.add(kill);
    const parts = await startAgent(
      {
        cluster: 'east',
        stateDir,
        runtime: {
          kind: 'kubernetes',
          server: this.server,
          namespace,
          replica: id,
          remoteAddresses: remoteAddresses.value,
        },
        leadership: this.#lead.of(id),
        replicaListen,
        xdsHost: host,
        xdsPort: 15_012,
        xdsNames: ['isthmus-agent.isthmus-system.svc'],
        localAddress: host,
        tokenFile: join(this.#dir, 'join-token'),
        trustDomain: defaultTrustDomain,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      },
      stop.signal,
    );
    return {
      id,
      parts,
      kill,
      lead: () => this.#lead.set({ id, address: replicaListen }),
      // They are at two addresses, so each has a certificate of its own.
      connect: (ztunnel) =>
        this.#connect(host, readFileSync(join(stateDir, 'xds-root.pem'), 'utf8'), ztunnel),
    };
  }

  /** Creates or changes an AuthorizationPolicy of the namespace shop. */
  putPolicy(name: string, generation: number, spec: object): void {
    const metadata = { name, namespace: 'shop', generation };
    this.server.put(policies, { kind: 'AuthorizationPolicy', metadata, spec });
  }

  /** A condition in the status of such a policy: `status reason`, and the message. */
  condition(name: string, type: string): { readonly shown: string; readonly message: string } | undefined {
    interface Written {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }
    const policy = this.server.find(policies, 'shop', name) as
      { readonly status?: { readonly conditions?: readonly Written[] } } | undefined;
    const found = policy?.status?.conditions?.find((one) => one.type === type);
    return found && { shown: `${found.status} ${found.reason}`, message: found.message };
  }

  async end(): Promise<void> {
    for (const kill of [...this.#running]) kill();
    await Promise.all([...this.#proxies].map((proxy) => proxy.stop()));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #connect(host: string, root: string, ztunnel: number): Promise<FakeProxy> {
    const token = `ztunnel-${ztunnel}`;
    const path = (name: string) => join(this.#dir, `${token}-${name}`);
    writeFileSync(path('root.pem'), root);
    writeFileSync(path('token'), token);
    for (const account of ['istio-system/ztunnel', 'shop/cart']) await certify(host, root, token, account);
    const at = { address: `${host}:15012`, localAddress: host, node: ourNode('ztunnel', token) };
    const proxy = new FakeProxy({ port: 15_012, path }, at, systemClock);
    this.#proxies.add(proxy);
    return proxy;
  }

  /** A token is the name of the ztunnel's pod. */
  #reviewed(review: Readonly<Record<string, unknown>>) {
    const { token: pod } = review['spec'] as { token: string };
    const claim = (name: string) => `authentication.kubernetes.io/${name}`;
    const known = this.server.find(watchedPods, 'istio-system', pod) as
      { metadata: { uid?: string } } | undefined;
    const extra = {
      [claim('pod-name')]: [pod],
      [claim('pod-uid')]: [known?.metadata.uid ?? ''],
      [claim('node-name')]: [pod.replace('ztunnel', 'node')],
    };
    const user = { username: 'system:serviceaccount:istio-system:ztunnel', extra };
    return { authenticated: true, audiences: ['istio-ca'], user };
  }

  #fill(): void {
    // As a node agent says that it has captured a pod.
    const annotations = { 'ambient.istio.io/redirection': 'enabled' };
    const put = (kind: string, namespace: string, name: string, more: object = {}, labels: object = {}) =>
      this.server.put(kindOf(kind), {
        kind,
        metadata: { name, ...(namespace !== '' && { namespace }), labels, annotations },
        ...more,
      });
    put('Namespace', '', 'istio-system', {}, { 'topology.istio.io/network': 'network-east' });
    put('Namespace', '', 'shop', {}, { 'istio.io/dataplane-mode': 'ambient' });
    put('ServiceAccount', 'istio-system', 'ztunnel');
    put('ServiceAccount', 'shop', 'cart');
    for (const n of [1, 2]) {
      put('Node', '', `node-${n}`);
      const pod = (account: string, podIP: string) => ({
        spec: {
          nodeName: `node-${n}`,
          serviceAccountName: account,
          containers: [{ name: 'app', image: 'app' }],
        },
        status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [ready] },
      });
      put('Pod', 'istio-system', `ztunnel-${n}`, pod('ztunnel', `10.0.${n}.1`), { app: 'ztunnel' });
      put('Pod', 'shop', `cart-${n}`, pod('cart', `10.0.${n}.2`), { app: 'cart' });
    }
    const ports = [{ port: 80, targetPort: 8080 }];
    const spec = { selector: { app: 'cart' }, clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports };
    put('Service', 'shop', 'cart', { spec }, { 'istio.io/global': 'true' });
  }
}

const ready = { type: 'Ready', status: 'True' };

function kindOf(kind: string): Resource {
  const found = watched.find(({ resource }) => resource.kind === kind)?.resource;
  if (!found) throw new Error(`${kind} is not watched`);
  return found;
}
const watchedPods = kindOf('Pod');
const policies = kindOf('AuthorizationPolicy');

/** Asks an agent for a certificate, as a ztunnel does for each pod that it serves. */
async function certify(host: string, root: string, token: string, account: string): Promise<void> {
  const [namespace, name] = account.split('/');
  const trust = trustServer(host, root);
  const client = new Client(`${host}:15012`, trust.credentials, { ...channelOptions(4), ...trust.options });
  const impersonatedIdentity = `spiffe://cluster.local/ns/${namespace}/sa/${name}`;
  const request = { csr: createCsr(generateKey()), validitySeconds: 3600, impersonatedIdentity };
  const headers = { authorization: `Bearer ${token}` };
  try {
    await callUnary(client, certificateService.createCertificate, request, { headers });
  } finally {
    client.close();
  }
}
