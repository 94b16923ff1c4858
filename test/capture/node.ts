import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Backend } from '@isthmus/mesh/redirection/steps.ts';
import { daemonSets, namespaces, nodeAgentAccess, pods } from '@isthmus/node-agent/access.ts';
import { startNodeAgent, type NodeAgent } from '@isthmus/node-agent/app.ts';
import { permitted } from '@isthmus/api/kube/access.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { Namespace } from '../fakes/network-namespaces.ts';

/** A pod of the node: a network namespace, and what the runtime and the API server say of it. */
export interface NodePod {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly namespace: Namespace;
}

export const podNamespace = 'shop';
export const nodeName = 'node-1';

/** A node without kubelet and runtime: pods are namespaces, and files as containerd writes them say where they are. */
export class TestNode {
  readonly folder = mkdtempSync(join(tmpdir(), 'isthmus-node-'));
  readonly api = new FakeApiServer([pods, namespaces, daemonSets]);
  readonly host = new Namespace();
  readonly #ofProxies = new Set<Namespace>();
  readonly #children = new Set<ChildProcess>();
  readonly #agents = new Set<NodeAgent>();

  constructor() {
    for (const name of ['containerd', 'netns', 'proc', 'net.d', 'bin']) mkdirSync(join(this.folder, name));
    this.label({});
    this.api.put(daemonSets, { metadata: { name: 'node-agent', namespace: 'isthmus-system' }, spec: {} });
  }

  get #root(): string {
    return join(this.folder, 'root.pem');
  }

  /** A network namespace for a proxy, with the CA of all proxies in it. */
  async #placeOfProxy(): Promise<Namespace> {
    const namespace = new Namespace();
    this.#ofProxies.add(namespace);
    const script = join(import.meta.dirname, 'authority.ts');
    const args = ['netns', 'exec', namespace.name, process.execPath, script, this.folder];
    const child = spawn('ip', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#children.add(child);
    await once(child, 'message');
    return namespace;
  }

  get socket(): string {
    return join(this.folder, 'zds/ztunnel.sock');
  }

  label(labels: Readonly<Record<string, string>>): void {
    this.api.put(namespaces, { metadata: { name: podNamespace, labels } });
  }

  pod(
    name: string,
    address: string,
    over: { readonly labels?: object; readonly annotations?: object } = {},
  ): NodePod {
    const namespace = new Namespace();
    const uid = `uid-of-${name}`;
    this.api.put(pods, {
      metadata: { name, namespace: podNamespace, uid, ...over },
      spec: { nodeName, serviceAccountName: name, containers: [{ name: 'app', image: 'none' }] },
      status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
    });
    this.runs(uid, namespace.path);
    return { name, uid, address, namespace };
  }

  /** containerd writes where the namespace of a pod is. */
  runs(uid: string, path: string): void {
    const folder = join(this.folder, 'containerd', uid);
    mkdirSync(folder, { recursive: true });
    const annotations = {
      ['io.kubernetes.cri.container-type']: 'sandbox',
      ['io.kubernetes.cri.sandbox-uid']: uid,
    };
    const linux = { namespaces: [{ type: 'pid' }, { type: 'network', path }] };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ annotations, linux }));
  }

  forgets({ uid }: NodePod): void {
    rmSync(join(this.folder, 'containerd', uid), { recursive: true, force: true });
  }

  ends({ uid, name, namespace }: NodePod): void {
    rmSync(join(this.folder, 'containerd', uid), { recursive: true, force: true });
    this.api.delete(pods, podNamespace, name);
    namespace.remove();
  }

  annotations({ name }: NodePod): Readonly<Record<string, unknown>> {
    const annotations: unknown = this.api.find(pods, podNamespace, name)?.metadata['annotations'];
    return (annotations ?? {}) as Readonly<Record<string, unknown>>;
  }

  async agent(
    backend: Backend,
    { server = this.api, log = silentLog }: { readonly server?: ApiServer; readonly log?: Log } = {},
  ): Promise<NodeAgent> {
    const agent = await startNodeAgent({
      node: nodeName,
      server: permitted(server, nodeAgentAccess, 'isthmus-system'),
      namespace: 'isthmus-system',
      daemonSet: 'node-agent',
      zds: this.socket,
      stateDir: join(this.folder, 'state'),
      backends: { pods: backend, node: 'NFT' },
      places: { containerd: join(this.folder, 'containerd'), proc: join(this.folder, 'proc') },
      netns: '/var/run/netns',
      settings: '/proc/sys',
      dns: false,
      cni: {
        mailbox: join(this.folder, 'mailbox'),
        configurations: join(this.folder, 'net.d'),
        programs: join(this.folder, 'bin'),
      },
      admin: { host: '127.0.0.1', port: 0 },
      runHere: ({ program, args, input }) => Promise.resolve(this.host.run(program, args, input)),
      clock: systemClock,
      random: systemRandom,
      log,
    });
    this.#agents.add(agent);
    return agent;
  }

  async stopAgent(agent: NodeAgent): Promise<void> {
    this.#agents.delete(agent);
    await agent.stop();
  }

  /** Istio's ztunnel, for all pods of the node, with workloads from a file. */
  async ztunnel(binary: string, of: readonly NodePod[]): Promise<ChildProcess> {
    const place = await this.#placeOfProxy();
    const local = join(this.folder, 'local.yaml');
    const workloads = of.map(({ uid, name, address }) => ({
      uid,
      name,
      namespace: podNamespace,
      serviceAccount: name,
      trustDomain: 'cluster.local',
      workloadIps: [address],
      protocol: 'HBONE',
      node: nodeName,
      services: {},
    }));
    writeFileSync(local, JSON.stringify({ workloads, services: [], policies: [] }));
    const file = openSync(join(this.folder, 'ztunnel.log'), 'a');
    const env = {
      XDS_ADDRESS: '',
      CA_ADDRESS: 'https://127.0.0.1:15012',
      CA_ROOT_CA: this.#root,
      AUTH_TOKEN: 'none',
      LOCAL_XDS_PATH: local,
      NODE_NAME: nodeName,
      INPOD_UDS: this.socket,
      ISTIO_META_DNS_CAPTURE: 'false',
      RUST_LOG: 'info',
      PATH: process.env['PATH'],
    };
    const child = spawn('ip', ['netns', 'exec', place.name, binary], { env, stdio: ['ignore', file, file] });
    closeSync(file);
    this.#children.add(child);
    return child;
  }

  log(): string {
    return readFileSync(join(this.folder, 'ztunnel.log'), 'utf8');
  }

  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  async remove(): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
    for (const child of this.#children) await this.kill(child);
    this.host.remove();
    for (const namespace of this.#ofProxies) namespace.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
