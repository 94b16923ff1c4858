import { execFile } from 'node:child_process';

/** A cluster that is up, by its kubeconfig. */
export class Cluster {
  readonly name: string;
  readonly kubeconfig: string;

  constructor(name: string, kubeconfig: string) {
    this.name = name;
    this.kubeconfig = kubeconfig;
  }

  /** What kubectl prints. `input` is its standard input. Rejects with kubectl's own words. */
  kubectl(words: readonly string[], input = ''): Promise<string> {
    return this.#run('kubectl', words, input);
  }

  helm(...words: readonly string[]): Promise<string> {
    return this.#run('helm', words, '');
  }

  /** An object or a list, as the API has it. */
  async get(...words: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.kubectl(['get', ...words, '-o', 'json']));
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  }

  #run(program: string, words: readonly string[], input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, KUBECONFIG: this.kubeconfig };
      const child = execFile(program, words, { env, maxBuffer: 64 << 20 }, (error, out, errors) => {
        if (error)
          reject(
            new Error(`${program} ${words.join(' ')} in ${this.name}: ${errors.trim() || error.message}`),
          );
        else resolve(out);
      });
      child.stdin?.end(input);
    });
  }
}
