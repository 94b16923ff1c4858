import { Worker } from 'node:worker_threads';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { EnrolledPod } from '../capture/capture.ts';
import type { ProxyConfig } from '../configuration.ts';
import { retryFloorBytes } from '../proxy/retry-floor.ts';
import { WorkerCounts } from '../report/worker-counts.ts';
import { Gathered } from './gathered.ts';
import { ScatterGather } from './scatter-gather.ts';
import type { FromWorker, ToWorker, WorkerData, WorkerDump, WorkerReport } from '../messages.ts';

/** Callbacks of the control thread for events of its workers. */
export interface WorkerHooks {
  readonly onWant: (identity: string, urgent: boolean) => void;
  /** No worker needs the identity any more. */
  readonly onForget: (identity: string) => void;
  /** What others think of the issuer of this chain has changed for the worse. */
  readonly onRenew: (identity: string, chain: string) => void;
  readonly onListening: () => void;
  readonly onProblem: (address: string, port: number, error: string, code: string) => void;
  /** What `counts` gives differs. */
  readonly onCounts: () => void;
  readonly onCaptured: (address: string, port: number) => void;
  /** Whether any worker has had no slot to give for so long that it serves nobody new. */
  readonly onStuck: (stuck: boolean) => void;
  readonly onDrained: () => void;
  readonly onDied: (error: Error) => void;
}

/** As much of a worker thread as is used here. */
export interface WorkerPort {
  postMessage(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): void;
  onDied(listener: (error: Error) => void): void;
}

/** A data worker's thread. */
interface DataThread extends WorkerPort {
  terminate(): Promise<unknown>;
}

/** All data workers of a proxy, started. */
export function startThreads(thread: URL, config: ProxyConfig, logLevel: string): readonly DataThread[] {
  const retryFloor = new SharedArrayBuffer(retryFloorBytes);
  const workerData: WorkerData = { config, logLevel, retryFloor };
  return Array.from({ length: config.workers }, () => threadOf(new Worker(thread, { workerData })));
}

/** Listens from the start: a thread that dies before anyone asks is reported to the first who does. */
function threadOf(worker: Worker): DataThread {
  const { promise: death, resolve } = Promise.withResolvers<Error>();
  worker.on('error', resolve).on('exit', (code) => resolve(new Error(`exit status ${code}`)));
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on('message', listener),
    onDied: (listener) => void death.then(listener),
    terminate: () => worker.terminate(),
  };
}

/** What each worker says to a question. */
type Answer = Extract<FromWorker, { kind: 'applied' | 'report' | 'dump' | 'enrolled' | 'left' }>;

/** The data workers as one: messages go to all of them, answers are gathered from all of them. */
export class Workers {
  readonly #workers: readonly WorkerPort[];
  readonly #hooks: WorkerHooks;
  readonly #applied: ScatterGather<readonly Rejected[]>;
  readonly #reports: ScatterGather<WorkerReport>;
  readonly #dumps: ScatterGather<WorkerDump>;
  readonly #enrolled: Gathered<string | undefined>;
  readonly #left: Gathered<undefined>;
  /** What all workers carry and have carried. */
  readonly counts = new WorkerCounts();
  readonly #listening = new Set<number>();
  readonly #drained = new Set<number>();
  readonly #stuck = new Set<number>();
  /** Which workers could not bind a port, by its address. */
  readonly #unbound = new Map<string, Set<number>>();
  /** Which workers need a certificate: it is forgotten when the last of them does not. */
  readonly #wanting = new Map<string, Set<number>>();

  constructor(workers: readonly WorkerPort[], hooks: WorkerHooks) {
    this.#workers = workers;
    this.#hooks = hooks;
    this.#applied = new ScatterGather(workers.length);
    this.#reports = new ScatterGather(workers.length);
    this.#dumps = new ScatterGather(workers.length);
    this.#enrolled = new Gathered(workers.length);
    this.#left = new Gathered(workers.length);
    workers.forEach((worker, index) => {
      worker.onMessage((message) => this.#hear(index, message));
      worker.onDied((error) => hooks.onDied(error));
    });
  }

  tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Resolves with what was refused, once every worker has the delta in force. */
  async apply(
    type: string,
    resources: readonly Resource[],
    removed: readonly string[],
  ): Promise<readonly Rejected[]> {
    const answers = this.#applied.expect();
    const named = resources.map(({ name, body }) => ({ name, body }));
    this.tell({ kind: 'delta', type, resources: named, removed });
    const rejected = (await answers).flat();
    return [...new Map(rejected.map((one) => [one.name, one])).values()];
  }

  report(): Promise<readonly WorkerReport[]> {
    const answers = this.#reports.expect();
    this.tell({ kind: 'report' });
    return answers;
  }

  dump(): Promise<readonly WorkerDump[]> {
    const answers = this.#dumps.expect();
    this.tell({ kind: 'dump' });
    return answers;
  }

  /** Resolves once each worker has its listeners of the pod, or with why one has not. */
  async enrol(pod: EnrolledPod): Promise<string | undefined> {
    const answers = this.#enrolled.expect(pod.number);
    this.tell({ kind: 'enrol', ...pod });
    return (await answers).find((problem) => problem !== undefined);
  }

  /** Resolves once no worker uses the pod's namespace any more. Also for one that some of them could not enrol. */
  async leave(number: number, drainMillis: number): Promise<void> {
    const answers = this.#left.expect(number);
    this.tell({ kind: 'leave', number, drainMillis });
    await answers;
  }

  #hear(from: number, message: FromWorker): void {
    switch (message.kind) {
      case 'want-certificate':
        this.#wanting.set(message.identity, (this.#wanting.get(message.identity) ?? new Set()).add(from));
        return this.#hooks.onWant(message.identity, message.urgent);
      case 'forget-certificate':
        return this.#forget(from, message.identity);
      case 'renew-certificate':
        return this.#hooks.onRenew(message.identity, message.chain);
      case 'port-not-capturable':
        this.#unboundAt(message).add(from);
        return this.#hooks.onProblem(message.address, message.port, message.error, message.code);
      case 'facts':
        this.counts.heard(from, message);
        return this.#hooks.onCounts();
      case 'port-captured':
        return this.#captured(from, message.address, message.port);
      case 'slots-stuck':
        this.#stuck[message.stuck ? 'add' : 'delete'](from);
        return this.#hooks.onStuck(this.#stuck.size > 0);
      case 'listening':
        return this.#once(this.#listening, from, this.#hooks.onListening);
      case 'drained':
        return this.#once(this.#drained, from, this.#hooks.onDrained);
      default:
        return this.#answered(from, message);
    }
  }

  #answered(from: number, message: Answer): void {
    switch (message.kind) {
      case 'applied':
        return this.#applied.heard(from, message.rejected);
      case 'report':
        return this.#reports.heard(from, message);
      case 'dump':
        return this.#dumps.heard(from, message.dump);
      case 'enrolled':
        return this.#enrolled.heard(message.number, message.problem);
      case 'left':
        return this.#left.heard(message.number, undefined);
    }
  }

  #unboundAt({ address, port }: { address: string; port: number }): Set<number> {
    const key = `${address}:${port}`;
    const known = this.#unbound.get(key) ?? new Set();
    this.#unbound.set(key, known);
    return known;
  }

  /** A port is captured when no worker lacks it. */
  #captured(from: number, address: string, port: number): void {
    const unbound = this.#unboundAt({ address, port });
    unbound.delete(from);
    if (unbound.size > 0) return;
    this.#unbound.delete(`${address}:${port}`);
    this.#hooks.onCaptured(address, port);
  }

  #once(heard: Set<number>, from: number, run: () => void): void {
    if (heard.has(from)) return;
    if (heard.add(from).size === this.#workers.length) run();
  }

  #forget(from: number, identity: string): void {
    const wanting = this.#wanting.get(identity);
    if (!wanting?.delete(from) || wanting.size > 0) return;
    this.#wanting.delete(identity);
    this.#hooks.onForget(identity);
  }
}
