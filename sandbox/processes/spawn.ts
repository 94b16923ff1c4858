import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { SandboxError } from '../sandbox-error.ts';

/** A program of the sandbox: a script of this repository with its flags and environment. */
export interface Program {
  readonly name: string;
  /** Path from the repository's root. */
  readonly script: string;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Running {
  readonly program: Program;
  readonly pid: number;
  /** Settles once, when the process is gone. */
  readonly exited: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  log(): string;
}

/**
 * Some thirty processes share one machine. V8 would let each isolate's young generation grow to 48 MiB and its old one to
 * four times what lives in it before it looks for what is dead, and the C library would give each of a process's threads
 * a heap of its own. What V8 has taken once it keeps. Programs that carry bytes get more: chunks on their way count to
 * the old generation, and at 100 % one stream had it collected so often that it cost twice its CPU (ADR 49).
 *
 * The C library gives a block back to the system when it is freed if it was mapped by itself, which is so from 128 KiB, and,
 * unless that is set, from the size of the largest such block that was ever freed: the pages of first syncs stayed.
 */
const frugal = {
  flags: (script: string) => [
    `--max-semi-space-size=${servesMany.has(script) ? 16 : 2}`,
    `--heap-growing-percent=${carriesBytes.has(script) ? 200 : 50}`,
  ],
  env: (script: string) => ({
    MALLOC_ARENA_MAX: '2',
    ...(!carriesBytes.has(script) && { MALLOC_MMAP_THRESHOLD_: String(128 * 1024) }),
  }),
};

/**
 * A hub answers many at once: what it has made for all of them is still there when 2 MiB are full, is copied, and then
 * fills the old generation. A quarter of its processor went into that (ADR 49).
 */
const servesMany: ReadonlySet<string> = new Set(['federation/main.ts']);

const carriesBytes: ReadonlySet<string> = new Set(['ztunnel/main.ts', 'sidecar/main.ts']);

const repositoryRoot = join(import.meta.dirname, '../..');

/** No `__proto__` to pollute, and no TLS session to bring back. */
const safe = ['--disable-proto=delete', `--openssl-config=${join(repositoryRoot, 'mesh/tls/openssl.cnf')}`];

/** What Node is started with, for the program at this path in the repository. */
export const programFlags = (script: string): readonly string[] => [
  ...frugal.flags(script),
  ...safe,
  '--no-warnings',
];
/** Environment that it needs. */
export const programEnv = (script: string): Readonly<Record<string, string>> => frugal.env(script);

/**
 * Starts programs as children that end with this process: each holds one end of a pipe whose other end the kernel
 * closes when this process dies, by whatever signal. Output goes to `<logs>/<name>.log`.
 */
export class Launcher {
  readonly #logs: string;
  readonly #cache: string;
  readonly #running = new Map<string, Running>();
  readonly #hearers: ((loss: CodedError) => void)[] = [];
  #stopped = false;

  constructor(stateDir: string, compileCache: string) {
    this.#logs = join(stateDir, 'logs');
    this.#cache = compileCache;
    mkdirSync(this.#logs, { recursive: true });
  }

  /** Throws STOPPED after `stop`: a program started then would never be ended. */
  start(program: Program): Running {
    if (this.#stopped)
      throw new SandboxError('STOPPED', `${program.name} is not started: all are being ended`);
    const file = join(this.#logs, `${program.name}.log`);
    const asked = { toEnd: false };
    const running = describe(program, this.#spawn(program, file), file, asked);
    this.#running.set(program.name, running);
    void running.exited.then((ended) => {
      if (this.#running.get(program.name) === running) this.#running.delete(program.name);
      if (!asked.toEnd) for (const hear of this.#hearers) hear(lossOf(running, ended, file));
    });
    return running;
  }

  /** Hears PROGRAM_ENDED of each program that ends without having been killed or stopped from here. */
  onLoss(hear: (loss: CodedError) => void): void {
    this.#hearers.push(hear);
  }

  get(name: string): Running | undefined {
    return this.#running.get(name);
  }

  all(): readonly Running[] {
    return [...this.#running.values()];
  }

  /** Asks all to end, then makes them after `grace` milliseconds. */
  async stop(grace: number, after: (millis: number, run: () => void) => { cancel(): void }): Promise<void> {
    this.#stopped = true;
    const running = this.all();
    for (const one of running) one.kill('SIGTERM');
    const force = after(grace, () => running.forEach((one) => one.kill('SIGKILL')));
    await Promise.all(running.map((one) => one.exited));
    force.cancel();
  }

  #spawn({ script, flags, env }: Program, log: string): ChildProcess {
    const fd = openSync(log, 'a', 0o600);
    const child = spawn(process.execPath, [...programFlags(script), join(repositoryRoot, script), ...flags], {
      stdio: ['pipe', fd, fd],
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: this.#cache,
        ...programEnv(script),
        ...env,
      },
    });
    closeSync(fd);
    return child;
  }
}

function describe(program: Program, child: ChildProcess, file: string, asked: { toEnd: boolean }): Running {
  const exited = new Promise<Ended>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => resolve({ code: 127, signal: null }));
  });
  child.stdin?.on('error', () => undefined);
  return {
    program,
    pid: child.pid ?? 0,
    exited,
    kill(signal) {
      asked.toEnd ||= signal === 'SIGTERM' || signal === 'SIGKILL';
      child.kill(signal);
    },
    log: () => readFileSync(file, 'utf8'),
  };
}

function lossOf(running: Running, { code, signal }: Ended, file: string): CodedError {
  const last = running.log().trimEnd().split('\n').at(-1) ?? '';
  const detail = last === '' ? 'it printed nothing' : `its last line: ${last.slice(0, 500)}`;
  return new SandboxError(
    'PROGRAM_ENDED',
    `${running.program.name} ended with ${signal ?? code}: see ${file}; ${detail}`,
  );
}
