import { Worker } from 'node:worker_threads';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** What the control thread hears of its workers. */
export interface WorkerHooks {
  onWant(identity: string, urgent: boolean): void;
  onForget(identity: string): void;
  onListening(): void;
  onProblem(address: string, port: number, error: string): void;
  onDied(error: Error): void;
}

export interface WorkerReport {
  readonly metrics: unknown;
  readonly connections: unknown;
}

/** The data workers as one: what is told goes to all, what is asked is gathered from all. */
export class Workers {
  readonly #workers: readonly Worker[];
  readonly #hooks: WorkerHooks;
  /** Deltas that are being applied: an answer of each worker is awaited, in order. */
  readonly #applying: {
    waiting: number;
    rejected: Map<string, Rejected>;
    resolve: (rejected: readonly Rejected[]) => void;
  }[] = [];
  readonly #reports = new Map<
    number,
    { reports: WorkerReport[]; resolve: (reports: readonly WorkerReport[]) => void }
  >();
  #listening = 0;
  #ids = 0;

  constructor(count: number, config: ProxyConfig, logLevel: string, hooks: WorkerHooks) {
    this.#hooks = hooks;
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL('./thread.ts', import.meta.url), {
        workerData: { config, logLevel },
      });
      worker.on('message', (message: FromWorker) => this.#hear(message));
      worker.on('error', (error: Error) => hooks.onDied(error));
      return worker;
    });
  }

  tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Resolves with what was refused, once every worker has the delta in force. */
  apply(
    type: string,
    resources: readonly Resource[],
    removed: readonly string[],
  ): Promise<readonly Rejected[]> {
    return new Promise((resolve) => {
      this.#applying.push({ waiting: this.#workers.length, rejected: new Map(), resolve });
      this.tell({
        kind: 'delta',
        type,
        resources: resources.map(({ name, body }) => ({ name, body })),
        removed,
      });
    });
  }

  report(): Promise<readonly WorkerReport[]> {
    const id = ++this.#ids;
    return new Promise((resolve) => {
      this.#reports.set(id, { reports: [], resolve });
      this.tell({ kind: 'report', id });
    });
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        return this.#applied(message.rejected);
      case 'want-certificate':
        return this.#hooks.onWant(message.identity, message.urgent);
      case 'forget-certificate':
        return this.#hooks.onForget(message.identity);
      case 'listening':
        if (++this.#listening === this.#workers.length) this.#hooks.onListening();
        return;
      case 'report':
        return this.#reported(message.id, message);
      case 'port-not-capturable':
        return this.#hooks.onProblem(message.address, message.port, message.error);
      case 'drained':
        return;
    }
  }

  #applied(rejected: readonly Rejected[]): void {
    const [first] = this.#applying;
    if (!first) return;
    for (const one of rejected) first.rejected.set(one.name, one);
    if (--first.waiting > 0) return;
    this.#applying.shift();
    first.resolve([...first.rejected.values()]);
  }

  #reported(id: number, report: WorkerReport): void {
    const pending = this.#reports.get(id);
    if (!pending || pending.reports.push(report) < this.#workers.length) return;
    this.#reports.delete(id);
    pending.resolve(pending.reports);
  }
}
