import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { Launcher, type Program, type Running } from '@isthmus/sandbox/processes/spawn.ts';
import { PeerProcess, type Api } from './peer-process.ts';

/** A folder, a block of loopback addresses and all processes of one group of rows: `clear` leaves nothing of them. */
export class Stage {
  readonly folder: string;
  readonly #claim: Claim;
  readonly #launcher: Launcher;
  readonly #peers: PeerProcess<Api>[] = [];
  readonly #stops: (() => Promise<void>)[] = [];
  #cleared = false;

  private constructor(claim: Claim) {
    this.#claim = claim;
    this.folder = mkdtempSync(join(tmpdir(), 'isthmus-size-'));
    this.#launcher = new Launcher(this.folder, join(this.folder, 'cache'));
  }

  static async set(): Promise<Stage> {
    return new Stage(await claimBlock());
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** `17.1` is 127.<ours>.17.1. */
  at(rest: string): string {
    return `127.${this.#claim.octet}.${rest}`;
  }

  /** A program under measurement. */
  start(program: Program): Running {
    return this.#launcher.start(program);
  }

  /** A simulated peer. Throws after `clear`, as nothing would end it then. */
  peer<A extends Api>(script: string, flags?: readonly string[]): PeerProcess<A> {
    if (this.#cleared) throw new Error(`${script} is not started: all are being ended`);
    const peer = new PeerProcess<A>(script, flags);
    this.#peers.push(peer);
    return peer;
  }

  /** What the stage stops after all else: something that its programs use, such as an API server. */
  async hold<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const started = await starting;
    // Its time is over, and nothing would stop it any more.
    if (this.#cleared) await started.stop();
    else this.#stops.push(() => started.stop());
    return started;
  }

  async clear(): Promise<void> {
    this.#cleared = true;
    await Promise.all(this.#peers.map((peer) => peer.end()));
    await this.#launcher.stop(1000, (millis, run) => systemClock.after(millis, run));
    await Promise.all(this.#stops.map((stop) => stop()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    this.#claim.release();
  }
}
