import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Honest, HonestAim, Measure } from './honest-job.ts';

/**
 * An honest client and the application that it calls through the attacked proxy: a process of its own, so that nothing
 * but the proxy and the machine slows it down.
 */
export class HonestClient {
  readonly #child: ChildProcess;

  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((_, reject) => {
      child.once('exit', () => reject(new Error('the honest client has ended')));
    });
    this.#ended.catch(() => undefined);
  }

  /** Resolves when it has a session with the proxy. */
  static async start(aim: HonestAim): Promise<HonestClient> {
    const child = fork(join(import.meta.dirname, 'drivers/honest.ts'), { execArgv: ['--no-warnings'] });
    const client = new HonestClient(child);
    try {
      await client.#ask(aim);
    } catch (error) {
      client.stop();
      throw error;
    }
    return client;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  measure(measure: Measure, seconds: number): Promise<Honest> {
    return this.#ask({ measure, seconds }) as Promise<Honest>;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(message: object): Promise<unknown> {
    const answer = new Promise((resolve) => this.#child.once('message', resolve));
    this.#child.send(message);
    return Promise.race([answer, this.#ended]);
  }
}
