import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Ran {
  readonly status: number;
  /** Standard output and standard error, as a terminal shows them. */
  readonly output: string;
  readonly millis: number;
}

const mark = 'end of the command, status';

/** One bash that runs commands after each other, as a person does: what one exports, the next has. */
export class Shell {
  readonly #bash: ChildProcess;
  #lines: string[] = [];
  #onLine: (line: string) => void = () => undefined;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    // A group of its own, so that what it left in the background ends with it.
    this.#bash = spawn('bash', ['--norc'], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#bash.stdout, this.#bash.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    this.#bash.stdin?.write("exec 2>&1; set -o pipefail; umask 022; trap 'kill $(jobs -p)' EXIT\n");
  }

  #take(line: string): void {
    this.#lines.push(line);
    this.#onLine(line);
  }

  export(name: string, value: string): void {
    this.#bash.stdin?.write(`export ${name}='${value}'\n`);
  }

  /** A command that goes to the background counts as done once it has printed a line. */
  async run(command: string): Promise<Ran> {
    const began = performance.now();
    this.#lines = [];
    const isBackground = command.trimEnd().endsWith('&');
    const ended = this.#waitFor((line) => line.startsWith(mark));
    const spoke = isBackground ? this.#waitFor((line) => line !== '' && !line.startsWith(mark)) : undefined;
    // A file of its own for standard input: the shell's is these commands.
    this.#bash.stdin?.write(`{ ${command}\n} < /dev/null\nstatus=$?; echo; echo "${mark} $status"\n`);
    const last = await ended;
    await spoke;
    const output = this.#lines
      .filter((line) => line !== '' && !line.startsWith(mark))
      .join('\n')
      .trim();
    return { status: Number(last.slice(mark.length)), output, millis: performance.now() - began };
  }

  #waitFor(isIt: (line: string) => boolean): Promise<string> {
    const before = this.#onLine;
    return new Promise((resolve) => {
      this.#onLine = (line) => {
        before(line);
        if (isIt(line)) resolve(line);
      };
    });
  }

  close(): void {
    if (this.#bash.pid !== undefined) process.kill(-this.#bash.pid, 'SIGKILL');
  }
}
