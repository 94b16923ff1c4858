import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programEnv, programFlags } from '@isthmus/sandbox/processes/spawn.ts';
import { until } from './agent.ts';

const main = join(import.meta.dirname, '../../federation/main.ts');

/** A hub as a process of its own, as the sandbox starts one, on a block of loopback addresses that the test has claimed. */
export class HubProcess {
  readonly child: ChildProcess;
  readonly #stateDir: string;
  #log = '';

  constructor(stateDir: string, octet: number, flags: readonly string[] = []) {
    this.#stateDir = stateDir;
    const at = `127.${octet}.0.1`;
    const listen = [
      '--link-listen',
      `${at}:15101`,
      '--join-listen',
      `${at}:15102`,
      '--api-listen',
      `${at}:18080`,
    ];
    this.child = spawn(
      process.execPath,
      [
        ...programFlags('federation/main.ts'),
        main,
        '--state-dir',
        stateDir,
        ...listen,
        '--hub-id',
        'test',
        '--parent-pipe',
        ...flags,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...programEnv('federation/main.ts') } },
    );
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text: Buffer) => (this.#log += text.toString()));
  }

  get log(): string {
    return this.#log;
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<this> {
    await until(() => this.#log.includes('hub ready') || this.child.exitCode !== null);
    if (!this.#log.includes('hub ready')) throw new Error(`the hub did not start: ${this.#log}`);
    return this;
  }

  /** Its exit status, once it has ended by itself. */
  async status(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await once(this.child, 'exit');
  }

  async ask<T>(query: string): Promise<T> {
    const file = join(this.#stateDir, 'endpoint.json');
    if (!existsSync(file)) throw new Error('no endpoint yet');
    const { url, tokenFile } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; tokenFile: string };
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ query }),
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
      },
    });
    return ((await response.json()) as { data: T }).data;
  }
}
