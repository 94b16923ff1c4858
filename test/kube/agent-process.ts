import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { programEnv, programFlags } from '@isthmus/sandbox/processes/spawn.ts';
import { join } from 'node:path';
import { agentNamespace } from './agent-world.ts';

interface Options {
  readonly kubeconfig: string;
  readonly stateDir: string;
  readonly address: string;
  /** Addresses of all replicas, which have one certificate. */
  readonly names: readonly string[];
  readonly replica: string;
  readonly tokenFile: string;
}

const main = join(import.meta.dirname, '../../cluster-agent/main.ts');

/** One replica of the agent of cluster `east`, as a process. */
export class AgentProcess {
  readonly #options: Options;
  readonly #child: ChildProcess;
  #log = '';

  constructor(options: Options) {
    const { kubeconfig, stateDir, address, names, replica, tokenFile } = options;
    this.#options = options;
    const flags = {
      cluster: 'east',
      ['state-dir']: stateDir,
      kubernetes: kubeconfig,
      namespace: agentNamespace,
      replica,
      ['replica-listen']: `${address}:15013`,
      ['xds-listen']: `${address}:15012`,
      ['xds-name']: names.join(','),
      bind: address,
      ['admin-listen']: `${address}:15020`,
      ['join-token-file']: tokenFile,
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    this.#child = spawn(
      process.execPath,
      [...programFlags('cluster-agent/main.ts'), main, ...args, '--parent-pipe'],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...programEnv('cluster-agent/main.ts') } },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text: Buffer) => (this.#log += text.toString()));
  }

  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What its admin port says of its readiness; status 0 while it does not answer. */
  async readiness(): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const answer = await fetch(`http://${this.#options.address}:15020/readyz`);
      return { status: answer.status, text: await answer.text() };
    } catch {
      return { status: 0, text: '' };
    }
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
