import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  everythingPolicy,
  flappingPod,
  flappingPods,
  policyOfAll,
  probedFile,
  replaceObjects,
  unsettledPod,
  wide,
  writeObjects,
} from './manifests.ts';
import { probedUid } from './cluster.ts';
import type { AgentWorld } from './world.ts';

/** Input that must not slow down what is beside it. */
export interface BadInput {
  readonly name: string;
  /** What is there before changes of others are timed. */
  readonly begin?: (world: BadWorld) => Promise<void> | void;
  /** Changes it until the signal aborts. */
  readonly change: (world: BadWorld, over: AbortSignal) => Promise<void>;
  /** Names of resources of which every client gets new versions meanwhile; none: the input does not get that far. */
  readonly arrives: readonly string[];
}

export type BadWorld = Pick<
  AgentWorld,
  'folder' | 'application' | 'wideEndpoints' | 'clients' | 'probed' | 'quiet'
>;

/** `objects`: of the file, as it is the next time it changes. */
const rewritten =
  (
    everyMillis: number,
    objects: (turn: number, world: BadWorld) => readonly object[],
    write = writeObjects,
  ): BadInput['change'] =>
  async (world, over) => {
    for (let turn = 1; !over.aborted; turn++) {
      write(world.folder, 'bad.yaml', objects(turn, world));
      await pause(everyMillis);
    }
  };

export const badInputs: readonly BadInput[] = [
  {
    name: 'a policy of everything',
    begin: ({ folder }) => writeObjects(folder, 'bad.yaml', policyOfAll(0)),
    change: rewritten(1000, policyOfAll),
    arrives: [everythingPolicy],
  },
  {
    name: 'a pod that flaps 50 times a second',
    begin: ({ folder, application }) =>
      replaceObjects(folder, 'bad.yaml', flappingPod.objects(0, { application })),
    change: rewritten(20, flappingPod.objects, replaceObjects),
    arrives: [flappingPod.name],
  },
  {
    // Heavier than one that flaps: the changes of different pods are not gathered.
    name: '50 pods that flap once a second each',
    begin: ({ probed }) => probed(flappingPods.from, flappingPods.to),
    async change({ clients }, over) {
      await clients.ask('flap', { ...flappingPods, flaps: true });
      if (!over.aborted) await once(over, 'abort');
      await clients.ask('flap', { ...flappingPods, flaps: false });
    },
    arrives: Array.from({ length: flappingPods.to - flappingPods.from }, (_, i) =>
      probedUid(flappingPods.from + i),
    ),
  },
  {
    // The folder waits until a file has stood still for 50 ms.
    name: 'a file that is written 50 times a second and never settles',
    begin: ({ folder, application }) => writeObjects(folder, 'bad.yaml', unsettledPod(0, { application })),
    change: rewritten(20, unsettledPod),
    arrives: [],
  },
  {
    name: 'a service of 5,000 endpoints',
    begin({ folder, wideEndpoints }) {
      writeObjects(folder, 'wide-pods.yaml', wide.pods(wideEndpoints));
      writeObjects(folder, 'bad.yaml', wide.service(0));
    },
    change: rewritten(1000, wide.service),
    arrives: [wide.name],
  },
];

/**
 * What `run` gives while the input is there and changes; afterwards it is gone. Throws when the input has not reached
 * every client as it says: what it costs would be no cost of it.
 */
export async function amid<T>(input: BadInput, world: BadWorld, run: () => Promise<T>): Promise<T> {
  const { folder, clients } = world;
  const over = new AbortController();
  await input.begin?.(world);
  await world.quiet();
  await clients.ask('watch', input.arrives);
  const changing = input.change(world, over.signal);
  try {
    const result = await run();
    const [unseen] = await clients.ask('unseen', undefined);
    if (unseen)
      throw new Error(`${input.name}: no change of ${unseen.name} has reached ${unseen.clients} clients`);
    return result;
  } finally {
    over.abort();
    await changing;
    for (const file of ['bad.yaml', 'wide-pods.yaml', probedFile(flappingPods.from)])
      rmSync(join(folder, file), { force: true });
    await world.quiet();
  }
}
