import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Parts } from '@isthmus/cluster-agent/parts.ts';
import { startAgent } from '@isthmus/cluster-agent/start.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { readEnv } from '@isthmus/sandbox/processes/pod-env.ts';
import { Launcher, type Running } from '@isthmus/sandbox/processes/spawn.ts';
import { until } from './agent.ts';
import type { TestHub } from './hub.ts';

const port = 9080;

const manifests = (cluster: string, at: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: network-${cluster} } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Node
metadata: { name: node-1, labels: { topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1 } }
status: { addresses: [{ type: InternalIP, address: ${at}.10 }] }
${['istio-system/ztunnel', 'shop/front', 'shop/cart'].map(account).join('')}
---
apiVersion: v1
kind: Pod
metadata:
  { name: ztunnel, namespace: istio-system, labels: { app: ztunnel }, annotations: { isthmus.io/app-address: ${at}.10 } }
spec: { nodeName: node-1, serviceAccountName: ztunnel, containers: [{ name: ztunnel, image: ztunnel }] }
${['front', 'cart'].map((name, i) => pod(name, `${at}.${20 + i}`)).join('')}
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: tcp, port: ${port}, targetPort: ${port} }] }
`;

const account = (key: string) => `
---
apiVersion: v1
kind: ServiceAccount
metadata: { namespace: ${key.split('/')[0]!}, name: ${key.split('/')[1]!} }`;

const pod = (name: string, appAddress: string) => `
---
apiVersion: v1
kind: Pod
metadata:
  { name: ${name}, namespace: shop, labels: { app: ${name} }, annotations: { isthmus.io/app-address: ${appAddress} } }
spec:
  nodeName: node-1
  serviceAccountName: ${name}
  containers: [{ name: ${name}, image: ${name}, ports: [{ containerPort: ${port} }] }]`;

/**
 * A cluster of one node in this process: a real agent, a real ztunnel, a pod that calls and one that answers with an
 * echo. The agent can be stopped and started again on what it keeps on disk.
 */
export class OneNodeCluster {
  readonly name: string;
  readonly dir = mkdtempSync(join(tmpdir(), 'isthmus-cluster-'));
  /** Connections that the echo has, and the most that it has had at once. */
  readonly served = { open: 0, most: 0 };
  readonly logged: Record<string, unknown>[] = [];
  readonly #hub: TestHub;
  readonly #at: string;
  #stop = new AbortController();
  #agent: Parts | undefined;
  #launcher: Launcher | undefined;
  #cart: Server | undefined;

  constructor(name: string, hub: TestHub, third = 16) {
    this.name = name;
    this.#hub = hub;
    this.#at = `127.${hub.octet}.${third}`;
    mkdirSync(join(this.dir, 'manifests'));
    writeFileSync(join(this.dir, 'manifests', 'all.yaml'), manifests(name, this.#at));
  }

  path(name: string): string {
    return join(this.dir, 'agent', name);
  }

  get agent(): Parts {
    if (!this.#agent) throw new Error('the agent is not running');
    return this.#agent;
  }

  /** The process id of its ztunnel. */
  get proxyPid(): number {
    return this.#launcher?.get('ztunnel')?.pid ?? 0;
  }

  /** What its pod knows of itself, by the name of the variable. */
  async podEnv(name: string): Promise<Readonly<Record<string, string>>> {
    return readEnv(await this.#written(`pods/shop/${name}/env`));
  }

  /** One page of its ztunnel's metrics. */
  async metrics(): Promise<string> {
    return (await fetch(`http://${this.#at}.10:15020/metrics`)).text();
  }

  /** Names of the services that its ztunnel knows. */
  async servicesAtProxy(): Promise<readonly string[]> {
    const response = await fetch(`http://${this.#at}.10:15000/config_dump`);
    return ((await response.json()) as { services: { name: string }[] }).services.map(({ name }) => name);
  }

  /** The ztunnel's process, as it runs now. */
  get proxy(): Running {
    const running = this.#launcher?.get('ztunnel');
    if (!running) throw new Error('the ztunnel is not running');
    return running;
  }

  /** Where the ztunnel has its admin ports. */
  get proxyAddress(): string {
    return `${this.#at}.10`;
  }

  /** Where the applications behind the pod `cart` listen. */
  get cartAppAddress(): string {
    return `${this.#at}.21`;
  }

  /** The address of client number `number`, from 1 to 254, that is not a pod. */
  outside(number: number): string {
    return `${this.#at.slice(0, this.#at.lastIndexOf('.'))}.15.${number}`;
  }

  /** A new token in the file that the agent is started with. */
  async newToken(): Promise<void> {
    const query =
      'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token userErrors { message } } }';
    const { data } = await this.#hub.ask<{ result: { token: string | null; userErrors: object[] } }>(query, {
      input: { cluster: this.name },
    });
    if (data!.result.token === null) throw new Error(JSON.stringify(data!.result.userErrors));
    writeFileSync(join(this.dir, 'token'), data!.result.token);
  }

  async startAgent(): Promise<void> {
    const log: Log = {
      ...silentLog,
      warn: (fields: object, message: string) => void this.logged.push({ ...fields, message }),
      error: (fields: object, message: string) => void this.logged.push({ ...fields, message }),
    };
    this.#stop = new AbortController();
    this.#agent = await startAgent(
      {
        cluster: this.name,
        stateDir: join(this.dir, 'agent'),
        runtime: {
          kind: 'files',
          manifests: join(this.dir, 'manifests'),
          addresses: `${this.#at}.0/20`,
          localAddress: `${this.#at}.1`,
          tryBind: () => Promise.resolve(undefined),
        },
        xdsHost: `${this.#at}.1`,
        xdsPort: 15_012,
        localAddress: `${this.#at}.1`,
        tokenFile: join(this.dir, 'token'),
        trustDomain: defaultTrustDomain,
        clock: systemClock,
        random: systemRandom,
        log,
      },
      this.#stop.signal,
    );
  }

  /** Resolves when its ports are free again. */
  async stopAgent(): Promise<void> {
    this.#stop.abort();
    this.#agent = undefined;
    await until(() => isFree(`${this.#at}.1`, 15_012));
  }

  async startProxy(): Promise<void> {
    const env = readEnv(await this.#written('pods/istio-system/ztunnel/env'));
    const controlPlane = `https://${this.#at}.1:15012`;
    const root = this.path('xds-root.pem');
    this.#launcher = new Launcher(this.dir, join(this.dir, 'cache'));
    this.#launcher.start({
      name: 'ztunnel',
      script: 'ztunnel/main.ts',
      flags: [
        '--mode',
        'shared',
        '--admin-address',
        this.proxyAddress,
        '--metrics-address',
        this.proxyAddress,
        '--parent-pipe',
      ],
      env: {
        XDS_ADDRESS: controlPlane,
        XDS_ROOT_CA: root,
        INSTANCE_IP: env['POD_IP']!,
        NODE_NAME: 'node-1',
        AUTH_TOKEN: this.path('pods/istio-system/ztunnel/token'),
        CLUSTER_ID: this.name,
        NETWORK: `network-${this.name}`,
        POD_NAME: 'ztunnel',
        POD_NAMESPACE: 'istio-system',
        SERVICE_ACCOUNT: 'ztunnel',
      },
    });
    this.#cart = createServer((socket) => {
      const { served } = this;
      served.most = Math.max(served.most, ++served.open);
      socket.on('error', () => undefined).once('close', () => served.open--);
      socket.pipe(socket);
    });
    this.#cart.listen(port, this.cartAppAddress);
    await once(this.#cart, 'listening');
  }

  /** One call from the front to the cart, by mTLS; false when it failed. */
  async call(): Promise<boolean> {
    const env = await this.podEnv('front');
    const host = env['CART_SERVICE_HOST'];
    const localAddress = env['POD_IP'];
    if (host === undefined || localAddress === undefined) return false;
    const socket = connect({ host, port, localAddress });
    return new Promise((resolve) => {
      socket.setTimeout(2000, () => socket.destroy());
      socket.on('connect', () => socket.write('hello'));
      socket.on('data', () => {
        resolve(true);
        socket.destroy();
      });
      socket.on('error', () => undefined).on('close', () => resolve(false));
    });
  }

  async stop(): Promise<void> {
    this.#cart?.close();
    await this.#launcher?.stop(1000, (millis, run) => systemClock.after(millis, run));
    await this.stopAgent();
    rmSync(this.dir, { recursive: true, maxRetries: 5 });
  }

  #written(name: string): Promise<string> {
    return until(() => existsSync(this.path(name)) && readFileSync(this.path(name), 'utf8'));
  }
}

async function isFree(host: string, number: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(number, host);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
