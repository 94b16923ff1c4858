import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Certificates, type KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import type { DiscoveryNode } from '@isthmus/api/wire/discovery.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { differences } from './differences.ts';
import { XdsServer, type XdsDeps } from '@isthmus/cluster-agent/xds/server.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { certificatePem, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { XdsClient, type XdsClientConfig } from '@isthmus/ztunnel/xds/client.ts';
import { makeAuthority, type Authority } from './authority.ts';

export const emptySnapshot: ClusterSnapshot = {
  workloads: new Map(),
  services: new Map(),
  withdrawn: new Map(),
  authorizations: new Map(),
  bundles: new Map(),
  intermediates: new Map(),
};

export const byName = <T extends { readonly uid: string } | { readonly key: string }>(
  ...all: T[]
): Map<string, T> => new Map(all.map((one) => ['uid' in one ? one.uid : one.key, one]));

/** Becomes true, or is woken to look again: tests wait for events, not for time. */
export class Signal {
  #waiting: (() => void)[] = [];

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** An agent's delta server on a real socket, and proxies that connect to it. */
export class XdsWorld {
  readonly authority: Authority = makeAuthority();
  readonly folder: string;
  readonly signal = new Signal();
  /** Bearer tokens and whose they are: a namespace, or a pod of it. */
  readonly tokens = new Map([
    ['good', 'istio-system'],
    ['bound', 'istio-system/ztunnel-1'],
  ]);
  readonly certificates: Certificates;
  readonly server: XdsServer;
  port = 0;
  #snapshot: ClusterSnapshot | undefined;

  private constructor(folder: string, deps: Partial<XdsDeps>) {
    this.folder = folder;
    this.certificates = new Certificates(this.serverIdentity());
    this.server = new XdsServer({
      certificates: this.certificates,
      authenticate: (metadata) => {
        const token = String(metadata.get('authorization')[0]).replace('Bearer ', '');
        const [namespace, pod] = this.tokens.get(token)?.split('/') ?? [];
        if (namespace === undefined) throw new CodedError('NO_TOKEN', 'no valid token');
        const account = { namespace, serviceAccount: 'ztunnel', node: 'east-1' };
        return pod === undefined ? { namespace } : { ...account, pod: { name: pod, uid: pod } };
      },
      refusalOf: () => undefined,
      clock: systemClock,
      log: silentLog,
      ...deps,
    });
    this.server.onApplied(() => this.signal.ring());
  }

  /** `beside` adds other services to the listener. */
  static async start(
    deps: Partial<XdsDeps> = {},
    beside: (server: XdsServer) => void = () => undefined,
  ): Promise<XdsWorld> {
    const world = new XdsWorld(await mkdtemp(join(tmpdir(), 'isthmus-xds-')), deps);
    beside(world.server);
    world.port = await world.server.listen('127.0.0.1', 0);
    await writeFile(world.path('root.pem'), certificatePem(world.authority.root));
    await writeFile(world.path('token'), 'good\n');
    return world;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  serverIdentity(hosts = ['127.0.0.1', 'localhost']): KeyPair {
    const key = generateKey();
    const { intermediate } = this.authority;
    const leaf = issueTlsServer(hosts, key.publicKey, intermediate, { now: Date.now() }, systemRandom);
    return {
      key: privateKeyPem(key.privateKey),
      chain: certificatePem(leaf) + certificatePem(intermediate.certificate),
    };
  }

  proxy(over: Partial<XdsClientConfig> = {}, clock: Clock = systemClock): FakeProxy {
    return new FakeProxy(this, over, clock);
  }

  /** Shows proxies a snapshot, of which anything may be another. */
  publish(snapshot: ClusterSnapshot, revision = 1, touched: Touched = { kind: 'synced' }): void {
    const keys = new ChangeSet();
    keys.add(touched);
    const changed = differences(this.#snapshot, snapshot);
    this.#snapshot = snapshot;
    const systemVersion = { epoch: 1n, revision: BigInt(revision) };
    this.server.published({ keys, changed, bulk: new Set() }, snapshot, systemVersion);
  }

  async stop(): Promise<void> {
    await this.server.close();
    await rm(this.folder, { recursive: true });
  }
}

/** A real delta client whose state is a map of names. */
export class FakeProxy {
  readonly signal = new Signal();
  readonly client: XdsClient;
  readonly state = new Map<string, Map<string, Uint8Array>>();
  /** What was applied, in order: `+name` and `-name`. */
  readonly history: string[] = [];
  readonly refuse = new Map<string, string>();
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;

  constructor(world: Pick<XdsWorld, 'port' | 'path'>, over: Partial<XdsClientConfig>, clock: Clock) {
    const config: XdsClientConfig = {
      address: `127.0.0.1:${world.port}`,
      rootCaFile: world.path('root.pem'),
      tokenFile: world.path('token'),
      clusterId: 'east',
      node: ourNode('ztunnel', 'ztunnel-1'),
      types: proxyTypes,
      localAddress: '',
      ...over,
    };
    const apply = (type: string, resources: readonly Resource[], removed: readonly string[]) =>
      this.#apply(type, resources, removed);
    const log = { ...silentLog, warn: () => this.signal.ring() };
    this.client = new XdsClient(config, {
      clock,
      random: systemRandom,
      log,
      apply,
      onReady: () => this.signal.ring(),
    });
    this.#running = this.client.run(this.#abort.signal);
  }

  names(type: string = typeUrls.address): string[] {
    return [...(this.state.get(type)?.keys() ?? [])].sort();
  }

  address(name: string) {
    const decoded = decodeAddress(this.state.get(typeUrls.address)?.get(name) ?? new Uint8Array());
    return decoded.ok ? decoded.value : undefined;
  }

  service(name: string) {
    const address = this.address(name);
    return address?.kind === 'service' ? address.service : undefined;
  }

  workload(name: string) {
    const address = this.address(name);
    return address?.kind === 'workload' ? address.workload : undefined;
  }

  ready(): Promise<void> {
    return this.signal.until(() => this.client.ready);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  #apply(type: string, resources: readonly Resource[], removed: readonly string[]): Rejected[] {
    const held = this.state.get(type) ?? new Map<string, Uint8Array>();
    this.state.set(type, held);
    const rejected: Rejected[] = [];
    for (const { name, body } of resources) {
      const reason = this.refuse.get(name);
      if (reason !== undefined) rejected.push({ name, reason });
      else held.set(name, body);
      if (reason === undefined) this.history.push(`+${name}`);
    }
    for (const name of removed) {
      held.delete(name);
      this.history.push(`-${name}`);
    }
    this.signal.ring();
    return rejected;
  }
}

export const ourNode = (kind: string, pod: string, namespace = 'istio-system'): DiscoveryNode => ({
  id: `${kind}~127.7.0.10~${pod}.${namespace}~${namespace}.svc.cluster.local`,
  cluster: 'east',
  metadata: { NODE_NAME: 'east-1', NAMESPACE: namespace, ISTHMUS_VERSION: '0.1.0' },
});

export const upstreamNode = (pod: string): DiscoveryNode => ({
  ...ourNode('ztunnel', pod),
  metadata: { NODE_NAME: 'east-1', NAMESPACE: 'istio-system' },
});
