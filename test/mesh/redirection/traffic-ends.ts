import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Namespace } from '../../fakes/network-namespaces.ts';
import type { Ask } from './traffic-end.ts';

/** A process of a network namespace that listens and dials there. */
export class TrafficEnd {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (text: string) => void>();
  #count = 0;

  private constructor(namespace: Namespace) {
    const script = join(import.meta.dirname, 'traffic-end.ts');
    const args = ['netns', 'exec', namespace.name, process.execPath, script];
    this.#child = spawn('ip', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ number, text }: { number: number; text: string }) => {
      this.#waiting.get(number)?.(text);
      this.#waiting.delete(number);
    });
  }

  static async start(namespace: Namespace): Promise<TrafficEnd> {
    const end = new TrafficEnd(namespace);
    await new Promise<string>((resolve) => end.#waiting.set(0, resolve));
    return end;
  }

  ask(ask: Ask): Promise<string> {
    const number = ++this.#count;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.send({ number, ask });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}
