import { join } from 'node:path';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import type { Endpoint } from './instance/api.ts';
import { claimAgain, claimBlock } from './instance/claim.ts';
import { prepareClusters, type SampleCluster } from './instance/clusters.ts';
import {
  keepOctet,
  openStateDir,
  stateHome,
  type InstanceOptions,
  type StateDir,
} from './instance/state-dir.ts';
import { readTable, rowsOf } from './observe/socket-table.ts';
import { ageOf, type Identity } from './processes/ancestors.ts';
import { aborted } from './processes/lifeline.ts';
import { proportionalBytes } from './processes/memory.ts';
import type { Place } from './processes/programs.ts';
import { Launcher } from './processes/spawn.ts';
import { approveShared } from './instance/approvals.ts';
import { shopUrlOf, firstCrossing, startCluster, startHub, wholeShop } from './start.ts';

export interface Sandbox {
  readonly place: Place;
  readonly endpoint: Endpoint;
  readonly clusters: readonly SampleCluster[];
  readonly launcher: Launcher;
  readonly shopUrl: string;
  /** From the start of the command (npm, `isthmus`) to the first 200 of a call that crossed networks, in milliseconds. */
  readonly startMillis: number;
  /** Sockets in this sandbox's /16, in any state, just before its first program was started. */
  readonly rowsBefore: number;
  /** Every process of it: its programs, this one, and those that asked for it. */
  pids(): readonly number[];
  /** Memory in use by all of them, as the sum of PSS. */
  memoryBytes(): number;
  stop(): Promise<void>;
}

export interface UpOptions extends Partial<InstanceOptions> {
  readonly clock: Clock;
  /** Gateways write every byte they read and write here, for the tour's search. */
  readonly tap: boolean;
  readonly progress: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Those who asked for it, from the parent up. */
  readonly family?: readonly Identity[];
  /** Gives up the start. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the hub, three joined clusters and the shop, and resolves when every service has answered. Rejects,
 * with all of it ended, when a program ends meanwhile (PROGRAM_ENDED), or does not come up in time (TIMED_OUT).
 */
export async function up(options: UpOptions): Promise<Sandbox> {
  const { clock, env, family = [], signal, instance, fresh = false, progress } = options;
  const state = await openStateDir(stateHome(env), { instance, fresh });
  const { dir: stateDir, lock, octet, name } = state;
  const claim = octet === undefined ? await claimBlock() : await claimAgain(octet, name);
  if (octet === undefined) keepOctet(stateDir, claim.octet);
  else progress(`going on with instance '${name}' in ${stateDir} (--fresh starts over)`);
  const place: Place = { stateDir, octet: claim.octet, tapDir: options.tap ? stateDir : undefined };
  const launcher = new Launcher(stateDir, join(stateHome(env), 'compile-cache'));
  const clusters = prepareClusters(stateDir, claim.octet, progress);
  const rowsBefore = rowsOf(claim.octet, readTable()).length;
  const pids = () => [...launcher.all().map(({ pid }) => pid), process.pid, ...family.map(({ pid }) => pid)];
  const stop = async () => {
    await launcher.stop(3000, (millis, run) => clock.after(millis, run));
    claim.release();
    lock.release();
  };
  const lost = new Promise<never>((_, reject) => launcher.onLoss(reject));
  // After the start the caller reports a loss.
  lost.catch(() => undefined);
  try {
    const started = start(place, launcher, clusters, state, options);
    const ready = await Promise.race([started, lost, ...(signal ? [aborted(signal)] : [])]);
    const memoryBytes = () => proportionalBytes(pids());
    return { place, clusters, launcher, ...ready, rowsBefore, pids, memoryBytes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  place: Place,
  launcher: Launcher,
  clusters: readonly SampleCluster[],
  { lock: { name: lock }, octet }: StateDir,
  { clock, progress, family = [] }: UpOptions,
): Promise<Pick<Sandbox, 'endpoint' | 'shopUrl' | 'startMillis'>> {
  const endpoint = await startHub(place, launcher, clock);
  writeWhole(join(place.stateDir, 'endpoint.json'), JSON.stringify({ ...endpoint, pid: process.pid, lock }));
  progress(`hub ready: ${endpoint.url}`);
  await Promise.all(
    clusters.map(async (cluster) => {
      await startCluster({ place, launcher, clock }, endpoint, cluster);
      progress(`cluster ${cluster.name}: ${cluster.pods.length} pods started`);
    }),
  );
  const shopUrl = await shopUrlOf(place, clock);
  const kept = octet !== undefined;
  await (kept ? noteUnless(firstCrossing(clock, shopUrl, 30_000), progress) : firstCrossing(clock, shopUrl));
  const outermost = family.at(-1);
  const startMillis = outermost ? ageOf(outermost) : performance.now();
  await (kept ? noteUnless(wholeShop(clock, shopUrl, 30_000), progress) : wholeShop(clock, shopUrl));
  await approveShared(endpoint);
  return { endpoint, shopUrl, startMillis };
}

/** Policies and manifests that people have changed may keep the shop from answering: that is no failed start. */
async function noteUnless(answered: Promise<unknown>, note: (line: string) => void): Promise<void> {
  try {
    await answered;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    note(`the shop does not answer as it did at first, perhaps because of what was changed: ${why}`);
  }
}
