import { execFile } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import {
  probeCommands,
  probeLook,
  probeRemoval,
  type ProbedAddresses,
} from '@isthmus/mesh/redirection/probes.ts';
import { ruleFamilies } from '@isthmus/mesh/redirection/rule.ts';
import type { Backend, Command } from '@isthmus/mesh/redirection/steps.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';

/** Runs a program in this process's own network namespace, which is the node's. */
export type RunHere = (command: Command) => Promise<string>;

const maxMillis = 15_000;
/** The rules are written again after so long: another program may have replaced them. */
export const repeatMillis = 60_000;

export const runHere: RunHere = ({ program, args, input }) =>
  new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { timeout: maxMillis }, (error, out, complaint) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${complaint.trim() || error.message}`));
      else resolve(out);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });

interface Deps {
  readonly backend: Backend;
  readonly run: RunHere;
  readonly clock: Clock;
  readonly log: Log;
}

/** The rules of the node by which kubelet's probes reach captured pods: the last addresses that were said are written. */
export class ProbeRules {
  readonly #deps: Deps;
  #wanted: ProbedAddresses = [];
  #written: ProbedAddresses | undefined;
  #isRunning = false;
  #isClosed = false;
  /** Why they could not be written; undefined: they are as they should be. */
  problem: string | undefined = 'they have not been written yet';

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Addresses of captured pods. */
  set(addresses: ProbedAddresses): void {
    this.#wanted = [...new Set(addresses)].sort();
    void this.#write();
  }

  /** Takes them out of the node. */
  async remove(): Promise<void> {
    this.#isClosed = true;
    const { backend, run } = this.#deps;
    for (const family of ruleFamilies)
      for (const command of probeRemoval(backend, family)) await run(command).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #write(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (!this.#isClosed && !isDeepStrictEqual(this.#written, this.#wanted)) {
      const addresses = this.#wanted;
      try {
        await this.#writeAll(addresses);
        this.#written = addresses;
        this.problem = undefined;
      } catch (error) {
        this.problem = String(error);
        this.#deps.log.warn({ problem: this.problem }, 'the rules for probes cannot be written');
        break;
      }
    }
    this.#isRunning = false;
    if (!this.#isClosed) this.#deps.clock.after(repeatMillis, () => this.#repeat());
  }

  #repeat(): void {
    if (this.#isRunning) return;
    this.#written = undefined;
    void this.#write();
  }

  async #writeAll(addresses: ProbedAddresses): Promise<void> {
    const { backend, run } = this.#deps;
    for (const family of ruleFamilies) {
      const saved = backend === 'NFT' ? '' : await run(probeLook(family));
      for (const command of probeCommands(backend, family, addresses, saved)) await run(command);
    }
  }
}
