import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import type { CertificateRequest, CertificateResponse } from '@isthmus/api/wire/certificate.ts';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import { listenIn } from '@isthmus/mesh/native/tcp.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { accessLines, type AccessLine } from '@isthmus/sandbox/observe/access-log.ts';
import { programEnv, programFlags } from '@isthmus/sandbox/processes/spawn.ts';
import { until } from '../fakes/agent.ts';
import type { Namespace } from '../fakes/network-namespaces.ts';
import { byName, emptySnapshot, XdsWorld } from '../fakes/xds-world.ts';

const main = join(import.meta.dirname, '../../ztunnel/main.ts');

/** A control plane that serves workloads and certificates, on addresses that this process has claimed. */
export class ControlPlane {
  readonly claim: Claim;
  readonly world: XdsWorld;
  readonly #forwards: Server[] = [];
  #revision = 0;

  private constructor(claim: Claim, world: XdsWorld) {
    this.claim = claim;
    this.world = world;
  }

  static async start(): Promise<ControlPlane> {
    const claim = await claimBlock({ first: 150, table: () => [] });
    const world: XdsWorld = await XdsWorld.start({}, (server) =>
      server.addService(certificateService, {
        createCertificate(
          { request }: { request: CertificateRequest },
          reply: (error: Error | null, chain?: CertificateResponse) => void,
        ) {
          const { intermediate, root } = world.authority;
          const csr = readCsr(request.csr);
          if (!csr.ok) {
            reply(new Error(csr.error));
            return;
          }
          const now = Date.now();
          const leaf = issueLeaf(
            request.impersonatedIdentity,
            csr.value.publicKey,
            intermediate,
            { now },
            systemRandom,
          );
          reply(null, [leaf, intermediate.certificate, root].map(certificatePem));
        },
      }),
    );
    return new ControlPlane(claim, world);
  }

  publish(workloads: readonly Workload[]): void {
    const { trustDomain, root, keyId, intermediate } = this.world.authority;
    const { certificate } = intermediate;
    const issuer = {
      keyId,
      trustDomain,
      cluster: 'east',
      certificate,
      revoked: false,
      namespaces: undefined,
    };
    this.world.publish(
      {
        ...emptySnapshot,
        workloads: byName(...workloads),
        bundles: new Map([[trustDomain, { trustDomain, roots: [root], sequence: 1 }]]),
        intermediates: new Map([[keyId, issuer]]),
      },
      ++this.#revision,
    );
  }

  /** It is not in that namespace, but at the same port of its loopback. */
  async forward(to: Namespace): Promise<void> {
    const { port } = this.world;
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.pipe(far).pipe(near);
      for (const one of [near, far])
        one.on('error', () => {
          near.destroy();
          far.destroy();
        });
    });
    server.listen({ fd: listenIn(to.descriptor, { address: '127.0.0.1', port }) });
    await once(server, 'listening');
    this.#forwards.push(server);
  }

  async stop(): Promise<void> {
    for (const one of this.#forwards) one.close();
    await this.world.stop();
    this.claim.release();
  }
}

/** Starts a program, here or in another namespace. */
export type Start = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** Istio's ztunnel in a namespace of its own, with the pods that a node agent names at `zds`. */
export class UpstreamProcess {
  readonly #child: ChildProcess;
  #log = '';

  constructor(binary: string, plane: ControlPlane, place: Namespace, node: string) {
    const { world } = plane;
    const server = `https://127.0.0.1:${world.port}`;
    // It takes the file as it is, and a header has no line end.
    writeFileSync(world.path('token-alone'), readFileSync(world.path('token'), 'utf8').trim());
    const env = {
      XDS_ADDRESS: server,
      XDS_ROOT_CA: world.path('root.pem'),
      CA_ADDRESS: server,
      CA_ROOT_CA: world.path('root.pem'),
      AUTH_TOKEN: world.path('token-alone'),
      INPOD_UDS: world.path(`${node}.sock`),
      NODE_NAME: node,
      NETWORK: 'network-east',
      CLUSTER_ID: 'east',
      POD_NAME: 'ztunnel-2',
      POD_NAMESPACE: 'istio-system',
      INSTANCE_IP: '127.0.0.1',
      ISTIO_META_DNS_CAPTURE: 'false',
      RUST_LOG: 'info',
    };
    this.#child = spawnIn(place.descriptor, binary, [], { stdio: ['ignore', 'pipe', 'pipe'], env });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text: Buffer) => (this.#log += text.toString()));
  }

  /** A line of its log that has all of these. */
  line(...parts: readonly string[]): Promise<string> {
    return until(() => this.#log.split('\n').find((line) => parts.every((part) => line.includes(part))));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** How one of our proxies is started. */
interface Started {
  readonly node: string;
  readonly capture: 'pods' | 'host';
  readonly workers?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** One of our proxies as a process of its own. */
export class ZtunnelProcess {
  readonly child: ChildProcess;
  readonly address: string;
  readonly #accessLog: string;
  #log = '';

  constructor(plane: ControlPlane, { node, capture, workers = 1, env = {} }: Started, start: Start = spawn) {
    const { world, claim } = plane;
    this.address = `127.${claim.octet}.1.${node.slice(-1)}`;
    this.#accessLog = world.path(`${node}.log`);
    const flags = ['--capture', capture, '--admin-address', this.address, '--metrics-address', this.address];
    const configured = {
      XDS_ADDRESS: `https://127.0.0.1:${world.port}`,
      XDS_ROOT_CA: world.path('root.pem'),
      AUTH_TOKEN: world.path('token'),
      INSTANCE_IP: this.address,
      INPOD_UDS: world.path(`${node}.sock`),
      NODE_NAME: node,
      NETWORK: 'network-east',
      CLUSTER_ID: 'east',
      POD_NAME: 'ztunnel-1',
      POD_NAMESPACE: 'istio-system',
      ZTUNNEL_WORKER_THREADS: String(workers),
    };
    this.child = start(
      process.execPath,
      [...programFlags('ztunnel/main.ts'), main, ...flags, '--access-log', this.#accessLog, '--parent-pipe'],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, ...programEnv('ztunnel/main.ts'), ...configured, ...env },
      },
    );
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text: Buffer) => (this.#log += text.toString()));
  }

  get log(): string {
    return this.#log;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  /** The namespaces of all its threads; each once. */
  get namespaces(): readonly string[] {
    const threads = `/proc/${this.child.pid}/task`;
    const of = (thread: string) => readlinkSync(`${threads}/${thread}/ns/net`);
    return [...new Set(readdirSync(threads).map(of))];
  }

  async says(part: string): Promise<void> {
    await until(() => this.#log.includes(part) || this.child.exitCode !== null);
    if (!this.#log.includes(part)) throw new Error(`the proxy did not say '${part}': ${this.#log}`);
  }

  /** The first line of its access log that has all of these fields. */
  line(fields: AccessLine): Promise<AccessLine> {
    return until(() => {
      const log = existsSync(this.#accessLog) ? readFileSync(this.#accessLog, 'utf8') : '';
      return accessLines(log).find((line) =>
        Object.entries(fields).every(([key, value]) => line[key] === value),
      );
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
