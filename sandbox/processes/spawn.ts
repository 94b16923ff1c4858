import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program of the sandbox: a script of this repository with its flags and environment. */
export interface Program {
  readonly name: string;
  /** Path from the repository's root. */
  readonly script: string;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Running {
  readonly program: Program;
  readonly pid: number;
  /** Settles once, when the process is gone. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  log(): string;
}

export const repositoryRoot = join(import.meta.dirname, '../..');

/**
 * Starts programs as children that end with this process: each holds one end of a pipe whose other end the kernel
 * closes when this process dies, by whatever signal. Output goes to `<logs>/<name>.log`.
 */
export class Launcher {
  readonly #logs: string;
  readonly #cache: string;
  readonly #running = new Map<string, Running>();

  constructor(stateDir: string, compileCache: string) {
    this.#logs = join(stateDir, 'logs');
    this.#cache = compileCache;
    mkdirSync(this.#logs, { recursive: true });
  }

  start(program: Program): Running {
    const file = join(this.#logs, `${program.name}.log`);
    const fd = openSync(file, 'a', 0o600);
    const flags = [
      '--disable-proto=delete',
      '--no-warnings',
      join(repositoryRoot, program.script),
      ...program.flags,
    ];
    const child = spawn(process.execPath, flags, {
      stdio: ['pipe', fd, fd],
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: this.#cache, ...program.env },
    });
    closeSync(fd);
    const running = describe(program, child, file);
    this.#running.set(program.name, running);
    void running.exited.then(() => {
      if (this.#running.get(program.name) === running) this.#running.delete(program.name);
    });
    return running;
  }

  get(name: string): Running | undefined {
    return this.#running.get(name);
  }

  all(): readonly Running[] {
    return [...this.#running.values()];
  }

  /** Asks all to end, then makes them after `grace` milliseconds. */
  async stop(grace: number, after: (millis: number, run: () => void) => { cancel(): void }): Promise<void> {
    const running = this.all();
    for (const one of running) one.kill('SIGTERM');
    const force = after(grace, () => running.forEach((one) => one.kill('SIGKILL')));
    await Promise.all(running.map((one) => one.exited));
    force.cancel();
  }
}

function describe(program: Program, child: ChildProcess, file: string): Running {
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => resolve({ code: 127, signal: null }));
  });
  child.stdin?.on('error', () => undefined);
  return {
    program,
    pid: child.pid ?? 0,
    exited,
    kill: (signal) => void child.kill(signal),
    log: () => readFileSync(file, 'utf8'),
  };
}
