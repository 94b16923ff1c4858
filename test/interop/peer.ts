import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentStateDir, podDir } from '../../sandbox/processes/programs.ts';
import type { Sandbox } from '../../sandbox/up.ts';
import { askName } from './names.ts';
import { capture, route } from './namespaces.ts';

const pod = { namespace: 'shop', name: 'peer' };

/** The pod of pod.yaml in its namespace: an application, and Istio's ztunnel before it. */
export class Peer {
  readonly address: string;
  readonly #namespace: string;
  readonly #sandbox: Sandbox;
  readonly #running: ChildProcess[] = [];

  constructor(namespace: string, sandbox: Sandbox) {
    this.#namespace = namespace;
    this.#sandbox = sandbox;
    this.address = `127.${sandbox.place.octet}.16.200`;
  }

  /** Adds its manifests to the cluster east, and its addresses to both namespaces. */
  admit(): void {
    const { octet, stateDir } = this.#sandbox.place;
    route(this.#namespace, octet, this.address);
    capture(this.#namespace);
    const manifests = readFileSync(join(import.meta.dirname, 'pod.yaml'), 'utf8');
    writeFileSync(
      join(stateDir, 'east/manifests/peer.yaml'),
      manifests.replaceAll('127.N.', `127.${octet}.`),
    );
  }

  get tokenFile(): string {
    return join(podDir(this.#sandbox.place, 'east', pod), 'token');
  }

  startApplication(): void {
    const source = `require('node:http').createServer((q, s) => s.end(JSON.stringify({ cluster: 'peer', path: q.url }))).listen(9090, '${this.address}')`;
    this.#start('application', process.execPath, ['-e', source], {});
  }

  /** As protocols of a ztunnel without Kubernetes have it: one workload, tokens and roots from files. */
  startZtunnel(binary: string): void {
    const root = join(agentStateDir(this.#sandbox.place, 'east'), 'xds-root.pem');
    const controlPlane = `https://127.${this.#sandbox.place.octet}.16.1:15012`;
    this.#start('ztunnel', binary, [], {
      PROXY_MODE: 'dedicated',
      PROXY_WORKLOAD_INFO: 'shop/peer/peer',
      NODE_NAME: 'east-peer',
      POD_NAME: 'peer',
      POD_NAMESPACE: 'shop',
      INSTANCE_IP: this.address,
      NETWORK: 'network-east',
      CLUSTER_ID: 'east',
      AUTH_TOKEN: this.tokenFile,
      XDS_ADDRESS: controlPlane,
      CA_ADDRESS: controlPlane,
      XDS_ROOT_CA: root,
      CA_ROOT_CA: root,
      // Its own sockets are marked, so that they are not captured again; none is made to look like its client's.
      PACKET_MARK: '1337',
      ENABLE_ORIG_SRC: 'false',
      ISTIO_META_DNS_CAPTURE: 'true',
      IPV6_ENABLED: 'false',
      RUST_LOG: 'info',
    });
  }

  log(): string {
    return readFileSync(this.#logFile('ztunnel'), 'utf8');
  }

  /** The body of a page, asked for by a process of the peer's namespace. Rejects when there is none in 5 s. */
  async get(url: string): Promise<string> {
    const source = `fetch('${url}', { signal: AbortSignal.timeout(5000) }).then((r) => r.text()).then((t) => process.stdout.write(t))`;
    const inside = ['netns', 'exec', this.#namespace, process.execPath, '-e', source];
    return (await promisify(execFile)('ip', inside)).stdout;
  }

  /** What its ztunnel says of a name. */
  askName(name: string, type: string): Promise<unknown> {
    return askName(this.#namespace, '127.0.0.1', name, type);
  }

  stop(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }

  #start(
    name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): void {
    const fd = openSync(this.#logFile(name), 'a', 0o600);
    const inside = ['netns', 'exec', this.#namespace, command, ...args];
    const child = spawn('ip', inside, {
      cwd: this.#sandbox.place.stateDir,
      stdio: ['ignore', fd, fd],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
    closeSync(fd);
    this.#running.push(child);
  }

  #logFile = (name: string): string => join(this.#sandbox.place.stateDir, 'logs', `peer-${name}.log`);
}
