import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a peer process can be asked: values go over and come back by structured clone. */
export type Api = Readonly<Record<string, (input: never) => unknown>>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** A simulated peer in a process of its own, so that what it spends is not spent by what is measured. */
export class PeerProcess<A extends Api> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #requests = 0;

  /** `script`: path below this folder. `flags`: of Node, where it is to run as the program that is measured. */
  constructor(script: string, flags: readonly string[] = ['--no-warnings']) {
    this.#child = fork(join(import.meta.dirname, script), {
      serialization: 'advanced',
      execArgv: [...flags, '--max-old-space-size=6000'],
    });
    this.#child.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('error' in reply) waiting?.reject(new Error(`${script}: ${reply.error}`));
      else waiting?.resolve(reply.value);
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`${script} ended with ${signal ?? code}`));
      this.#waiting.clear();
    });
  }

  /** Rejects with what the peer threw, or when it ends. */
  ask<K extends string & keyof A>(name: K, input: Parameters<A[K]>[0]): Promise<Awaited<ReturnType<A[K]>>> {
    const waiting = Promise.withResolvers<unknown>();
    // Who asked may have left, as its time was over.
    waiting.promise.catch(() => undefined);
    const id = ++this.#requests;
    this.#waiting.set(id, waiting);
    if (this.#child.connected) this.#child.send({ id, name, input } satisfies Request);
    else waiting.reject(new Error(`${name}: the peer has ended`));
    return waiting.promise as Promise<Awaited<ReturnType<A[K]>>>;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** The peer's side: answers until the process that started it is gone. */
export function answer(api: Api): void {
  process.on('disconnect', () => process.exit(0));
  // A terminal interrupts all processes: the one that started this one ends it.
  process.on('SIGINT', () => undefined);
  process.on('message', ({ id, name, input }: Request) => {
    new Promise((resolve) => resolve(api[name]?.(input as never))).then(
      (value) => process.send?.({ id, value } satisfies Reply),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply),
    );
  });
}
