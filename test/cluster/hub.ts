import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { forward, type Forward } from './forward.ts';
import { until } from './measured.ts';
import type { Cluster } from './cluster.ts';

/** GraphQL of the hub in `east`. The way there is made again when the hub's pod is another. */
export class Hub {
  readonly #cluster: Cluster;
  readonly #home: string;
  #way: Forward | undefined;

  /** `home`: the folder in which docs/install.md has the admin token written. */
  constructor(cluster: Cluster, home: string) {
    this.#cluster = cluster;
    this.#home = home;
  }

  /** What the command line prints as JSON. */
  async show<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.isthmus(...words, '--output', 'json')) as T;
  }

  /** What the command line prints. Rejects with its own words. */
  async isthmus(...words: readonly string[]): Promise<string> {
    // The way is known to lead to the hub of now.
    await this.ask('{ __typename }').catch(() => this.ask('{ __typename }'));
    const env = {
      ...process.env,
      ISTHMUS_URL: `http://127.0.0.1:${this.#way?.port ?? 0}/graphql`,
      ISTHMUS_TOKEN_FILE: this.#tokenFile(),
    };
    const program = join(import.meta.dirname, '../../cli/main.ts');
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [program, ...words], { env }, (error, out, errors) => {
        if (error) reject(new Error(`isthmus ${words.join(' ')}: ${errors.trim()}`));
        else resolve(out);
      });
    });
  }

  #tokenFile(): string {
    return join(this.#home, 'admin.token');
  }

  /** The `data` of an answer. Rejects with the errors of the answer, or when there is none. */
  async ask<T>(query: string): Promise<T> {
    this.#way ??= await forward(this.#cluster, 'statefulset/isthmus-hub', 8080);
    const token = readFileSync(this.#tokenFile(), 'utf8').trim();
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#way.port}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
        signal: AbortSignal.timeout(5000),
      });
      const { data, errors } = (await answer.json()) as { data?: T; errors?: unknown };
      if (data === undefined || errors !== undefined) throw new Error(JSON.stringify(errors));
      return data;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Asks until `isSo` gives something; how long that took, milliseconds. */
  until<T, V>(what: string, limit: number, query: string, isSo: (data: T) => V | undefined) {
    return until(what, limit, async () => isSo(await this.ask<T>(query)));
  }

  close(): void {
    this.#way?.close();
    this.#way = undefined;
  }
}
