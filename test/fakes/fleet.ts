import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { nodeOf, type ProxyConfig, type ProxyMode } from '@isthmus/ztunnel/configuration.ts';
import { CaClient } from '@isthmus/ztunnel/identity/ca-client.ts';
import { XdsClient } from '@isthmus/ztunnel/xds/client.ts';

/** Where an agent runs whose proxies are simulated. */
interface At {
  readonly cluster: string;
  readonly network: string;
  /** Of the agent process. */
  readonly stateDir: string;
  /** host:port for proxies. */
  readonly xds: string;
}

interface Who {
  readonly mode: ProxyMode;
  readonly namespace: string;
  readonly pod: string;
  readonly account: string;
  readonly node: string;
  /** The identities that it shows. */
  readonly identities: readonly string[];
}

/**
 * A proxy as its agent sees it: a real stream that acknowledges everything, and real certificate requests. It carries
 * nothing.
 */
export class SimulatedProxy {
  readonly #config: ProxyConfig;
  readonly #identities: readonly string[];
  #stop = new AbortController();

  constructor({ cluster, network, stateDir, xds }: At, who: Who) {
    const files = join(stateDir, 'pods', who.namespace, who.pod);
    const root = join(stateDir, 'xds-root.pem');
    this.#identities = who.identities;
    this.#config = {
      mode: who.mode,
      capture: 'loopback',
      zdsPath: '',
      xdsAddress: `https://${xds}`,
      caAddress: `https://${xds}`,
      xdsRootCa: root,
      caRootCa: root,
      tokenFile: join(files, 'token'),
      node: who.node,
      network,
      cluster,
      podName: who.pod,
      namespace: who.namespace,
      serviceAccount: who.account,
      address: '',
      trustDomain: defaultTrustDomain,
      adminAddress: '',
      metricsAddress: '',
      accessLog: '',
      tap: '',
      workers: 1,
      drainMillis: 0,
      resolvers: { nameservers: [], search: [] },
      preferredNamespace: '',
    };
  }

  /** Connects with nothing in hand, as a process that starts does. */
  async start(): Promise<void> {
    await eventually('its token', () => existsSync(this.#config.tokenFile));
    this.#stop = new AbortController();
    const { xdsAddress, xdsRootCa, tokenFile, cluster } = this.#config;
    const client = new XdsClient(
      {
        address: xdsAddress,
        rootCaFile: xdsRootCa,
        tokenFile,
        clusterId: cluster,
        types: proxyTypes,
        node: nodeOf(this.#config),
        localAddress: '',
      },
      { clock: systemClock, random: systemRandom, log: silentLog, apply: () => [] },
    );
    void client.run(this.#stop.signal);
    const ca = new CaClient(this.#config, systemClock);
    for (const identity of this.#identities) await this.#certificate(ca, identity);
    await eventually('its state', () => client.held(typeUrls.address).size > 0);
  }

  /** Its process is gone. */
  kill(): void {
    this.#stop.abort();
  }

  /** Asks until the cluster's intermediate signs, as proxies do. */
  async #certificate(ca: CaClient, identity: string): Promise<void> {
    for (;;)
      try {
        await ca.request(identity, createCsr(generateKey(), identity));
        return;
      } catch (error) {
        if (!/not active yet|has not finished/.test(String(error)) || this.#stop.signal.aborted) throw error;
        await new Promise<void>((resolve) => systemClock.after(200, resolve));
      }
  }
}

/** A hundred of them wait at once: none keeps the machine busy. */
async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1200) throw new Error(`a proxy waits for ${what} since two minutes`);
    await new Promise<void>((resolve) => systemClock.after(100, resolve));
  }
}

const object = (value: object) => JSON.stringify(value);

const podOf = (namespace: string, name: string, account: string, node: string, labels: object) =>
  object({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { nodeName: node, serviceAccountName: account, containers: [{ name: 'c' }] },
  });

const serviceOf = (namespace: string, name: string, labels: object, selector: object, port: number) =>
  object({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: { selector, ports: [{ name: 'tcp', port, targetPort: port }] },
  });

/** A cluster of `nodes` nodes with a ztunnel and a pod of `cart` each, `sidecars` pods of `side`, and one gateway. */
export function fleetManifests(folder: string, network: string, nodes: number, sidecars: number): void {
  mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: nodes }, (_, i) => `n${i}`);
  const exported = { 'istio.io/global': 'true' };
  const all = [
    object({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'istio-system', labels: { 'topology.istio.io/network': network } },
    }),
    object({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', labels: { 'istio.io/dataplane-mode': 'ambient' } },
    }),
    ...names.map((name) => object({ apiVersion: 'v1', kind: 'Node', metadata: { name } })),
    serviceOf('istio-system', 'gw', { 'topology.istio.io/network': network }, { app: 'gw' }, 15_008),
    podOf('istio-system', 'gw', 'gw', 'n0', { app: 'gw' }),
    serviceOf('shop', 'cart', exported, { app: 'cart' }, 8080),
    serviceOf('shop', 'side', exported, { app: 'side' }, 8080),
    ...names.flatMap((name) => [
      podOf('istio-system', `z-${name}`, 'ztunnel', name, { app: 'ztunnel' }),
      podOf('shop', `cart-${name}`, 'cart', name, { app: 'cart' }),
    ]),
    ...Array.from({ length: sidecars }, (_, i) =>
      podOf('shop', `side-${i}`, 'side', 'n0', { app: 'side', 'sidecar.istio.io/inject': 'true' }),
    ),
  ];
  writeFileSync(join(folder, 'all.yaml'), all.join('\n---\n'));
}

const identity = (namespace: string, account: string) =>
  `spiffe://cluster.local/ns/${namespace}/sa/${account}`;

/** The proxies of such a cluster, by their pods' names. */
export function fleetOf(at: At, nodes: number, sidecars: number): ReadonlyMap<string, SimulatedProxy> {
  const proxies = new Map<string, SimulatedProxy>();
  const add = (who: Who) => proxies.set(who.pod, new SimulatedProxy(at, who));
  for (let i = 0; i < nodes; i++)
    add({
      mode: 'shared',
      namespace: 'istio-system',
      pod: `z-n${i}`,
      account: 'ztunnel',
      node: `n${i}`,
      identities: [identity('shop', 'cart')],
    });
  for (let i = 0; i < sidecars; i++)
    add({
      mode: 'sidecar',
      namespace: 'shop',
      pod: `side-${i}`,
      account: 'side',
      node: 'n0',
      identities: [identity('shop', 'side')],
    });
  add({
    mode: 'gateway',
    namespace: 'istio-system',
    pod: 'gw',
    account: 'gw',
    node: 'n0',
    identities: [identity('istio-system', 'gw')],
  });
  return proxies;
}
