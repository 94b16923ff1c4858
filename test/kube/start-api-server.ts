import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeClient, type KubeClient } from '@isthmus/api/kube/client.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { FaultProxy } from './fault-proxy.ts';

/** The folder with etcd and kube-apiserver; undefined where suites that need them cannot run. */
export const assets =
  process.env['KUBEBUILDER_ASSETS'] === '' ? undefined : process.env['KUBEBUILDER_ASSETS'];

/** A suite that needs etcd and kube-apiserver: without them it says so and counts as pending. */
export function withAssets(title: string, run: (assets: string) => void): void {
  describe(title, () => {
    if (assets === undefined) {
      it('DID NOT RUN: KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver', function () {
        console.warn('      DID NOT RUN: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver');
        this.skip();
      });
      return;
    }
    run(assets);
  });
}

/** As `withAssets`. `run` gets a function that gives the server: started before the first test, stopped after the last. */
export function withApiServer(title: string, run: (server: () => StartedApiServer) => void): void {
  withAssets(title, (folder) => {
    let started: StartedApiServer | undefined;
    before(async () => {
      started = await StartedApiServer.start(folder);
    });
    after(() => started?.stop());
    run(() => {
      if (!started) throw new Error('the API server has not been started');
      return started;
    });
  });
}

const users = {
  admin: { token: 'token-of-admin', groups: '"system:masters"' },
  /** Whom no role names. */
  agent: { token: 'token-of-agent', groups: '' },
};
export type UserName = keyof typeof users;

const maxStartMillis = 60_000;

/** etcd and kube-apiserver alone: no controllers, no scheduler, no kubelet. Authorizers: Node and RBAC. */
export class StartedApiServer {
  readonly #assets: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'isthmus-api-server-'));
  readonly #ports = { etcd: 0, peer: 0, api: 0 };
  readonly #running = new Map<string, ChildProcess>();

  private constructor(folder: string) {
    this.#assets = folder;
  }

  /** Resolves once it answers that it is ready. */
  static async start(folder: string): Promise<StartedApiServer> {
    const started = new StartedApiServer(folder);
    try {
      for (const name of ['etcd', 'peer', 'api'] as const) {
        const others = Object.values(started.#ports);
        // The kernel may give one again that has just been given back.
        do started.#ports[name] = await freePort();
        while (others.includes(started.#ports[name]));
      }
      started.#writeKeys();
      started.#run('etcd', started.#etcdFlags());
      await started.startApi();
    } catch (error) {
      const log = started.log();
      await started.stop();
      throw new Error(`no API server:\n${log}`, { cause: error });
    }
    return started;
  }

  /** The path of a kubeconfig of this user, for the server or for what stands in front of it. */
  kubeconfig(user: UserName = 'admin', url = this.url): string {
    const path = join(this.#folder, `kubeconfig-${user}${url === this.url ? '' : '-through'}`);
    writeFileSync(
      path,
      JSON.stringify({
        clusters: [
          { name: 'test', cluster: { server: url, ['certificate-authority']: 'certs/apiserver.crt' } },
        ],
        users: [{ name: user, user: { token: users[user].token } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user } }],
        ['current-context']: 'test',
      }),
    );
    return path;
  }

  client(user: UserName = 'admin'): KubeClient {
    return kubeClient(this.kubeconfig(user), systemClock);
  }

  /** In front of it, with its certificate. The test stops it. */
  faultProxy(): Promise<FaultProxy> {
    return FaultProxy.start({ url: this.url, certificates: join(this.#folder, 'certs') });
  }

  get url(): string {
    return `https://127.0.0.1:${this.#ports.api}`;
  }

  /** Starts it again on the same data and the same port, after `stopApi`. */
  async startApi(): Promise<void> {
    this.#run('kube-apiserver', this.#apiFlags());
    const end = performance.now() + maxStartMillis;
    for (;;) {
      if (await this.#isReady()) return;
      if (performance.now() > end) throw new Error(`not ready within ${maxStartMillis} ms`);
      if (this.#running.get('kube-apiserver')?.exitCode !== null)
        throw new Error('kube-apiserver has exited');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** etcd goes on. */
  stopApi(): Promise<void> {
    return this.#end('kube-apiserver');
  }

  /** Compacts etcd at its present revision: what was before is forgotten, also by the API server once it starts again. */
  async compact(): Promise<void> {
    const { header } = (await this.#etcd('range', { key: 'AA==' })) as { header: { revision: string } };
    await this.#etcd('compaction', { revision: header.revision, physical: true });
  }

  async stop(): Promise<void> {
    await this.#end('kube-apiserver');
    await this.#end('etcd');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The end of what both have written. */
  log(): string {
    return ['etcd', 'kube-apiserver']
      .map((program) => `${program}:\n${readText(join(this.#folder, `${program}.log`)).slice(-3000)}`)
      .join('\n');
  }

  async #isReady(): Promise<boolean> {
    try {
      await this.client().server.read('/readyz');
      return true;
    } catch {
      return false;
    }
  }

  async #etcd(call: string, body: object): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.etcd}/v3/kv/${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`etcd answers ${call} with ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  #writeKeys(): void {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(join(this.#folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(this.#folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const lines = Object.entries(users).map(([name, { token, groups }]) =>
      [token, name, name, ...(groups === '' ? [] : [groups])].join(','),
    );
    writeFileSync(join(this.#folder, 'tokens.csv'), `${lines.join('\n')}\n`);
  }

  #etcdFlags(): readonly string[] {
    const { etcd, peer } = this.#ports;
    return [
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${etcd}`,
      `--advertise-client-urls=http://127.0.0.1:${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=default=http://127.0.0.1:${peer}`,
      '--unsafe-no-fsync',
    ];
  }

  #apiFlags(): readonly string[] {
    const { etcd, api } = this.#ports;
    const at = (name: string) => join(this.#folder, name);
    return [
      `--etcd-servers=http://127.0.0.1:${etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${api}`,
      `--cert-dir=${at('certs')}`,
      `--token-auth-file=${at('tokens.csv')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      // No controller makes the ServiceAccounts and their roots that this one asks for.
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
      '--shutdown-delay-duration=0s',
    ];
  }

  #run(program: 'etcd' | 'kube-apiserver', flags: readonly string[]): void {
    const script = `exec "$0" "$@" >>"$LOG" 2>&1`;
    const child = spawn('/bin/sh', ['-c', script, join(this.#assets, program), ...flags], {
      stdio: 'ignore',
      env: { ...process.env, LOG: join(this.#folder, `${program}.log`) },
    });
    // A run of tests that ends early takes them with it.
    process.once('exit', () => child.kill('SIGKILL'));
    this.#running.set(program, child);
  }

  async #end(program: string): Promise<void> {
    const child = this.#running.get(program);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
}

/** Nobody else gets it from the kernel at once. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
