import { execFile, spawn, type ChildProcess } from 'node:child_process';

/** The program that CLUSTER_TOOL names: it makes clusters of several nodes on this machine (see CONTRIBUTING.md). */
export class ClusterTool {
  readonly #program: string;
  readonly #home: string;

  /** `home`: where it keeps clusters; others' are elsewhere and do not meet these. */
  constructor(program: string, home: string) {
    this.#program = program;
    this.#home = home;
  }

  /** What it prints. Rejects with its own words when it fails. */
  run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        this.#program,
        words,
        { env: { ...process.env, CLUSTER_HOME: this.#home, ...env }, maxBuffer: 64 << 20 },
        (error, out, errors) => {
          if (error) reject(new Error(`${this.#program} ${words.join(' ')}: ${errors.slice(-2000)}`));
          else resolve(out.trim());
        },
      );
    });
  }

  /**
   * A program that runs on a node (`east/1`) until its input is closed: a signal would end what carries it there, and not
   * the program. `stdio`: where its output and errors go.
   */
  start(
    node: string,
    words: readonly string[],
    stdio: readonly [number | 'pipe', number | 'inherit'],
  ): ChildProcess {
    const untilClosed = ['sh', '-c', '"$@" & cat > /dev/null; kill $!; wait $!', 'sh', ...words];
    return spawn(this.#program, ['run', node, '--', ...untilClosed], {
      env: { ...process.env, CLUSTER_HOME: this.#home },
      stdio: ['pipe', ...stdio],
    });
  }
}
