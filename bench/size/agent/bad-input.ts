import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { quiet } from '../cost.ts';
import { flappingPod, wide, policyOfAll, writeObjects } from './manifests.ts';
import type { AgentWorld } from './world.ts';

/** Input that must not slow down what is beside it. */
export interface BadInput {
  readonly name: string;
  /** What is there before changes of others are timed. */
  readonly begin?: (world: AgentWorld) => void;
  readonly everyMillis: number;
  /** The object's file, as it is the next time it changes. */
  readonly change: (turn: number, world: AgentWorld) => readonly object[];
}

export const badInputs: readonly BadInput[] = [
  { name: 'a policy of everything', everyMillis: 1000, change: policyOfAll },
  { name: 'a pod that flaps 50 times a second', everyMillis: 20, change: flappingPod },
  {
    name: 'a service of 5,000 endpoints',
    begin: ({ folder, wideEndpoints }) => writeObjects(folder, 'wide-pods.yaml', wide.pods(wideEndpoints)),
    everyMillis: 1000,
    change: wide.service,
  },
];

/** What `run` gives while the input is there and changes; afterwards it is gone. */
export async function amid<T>(input: BadInput, world: AgentWorld, run: () => Promise<T>): Promise<T> {
  const { folder, agent } = world;
  const never = new AbortController().signal;
  input.begin?.(world);
  writeObjects(folder, 'bad.yaml', input.change(0, world));
  await quiet(agent.pid, never);
  const over = new AbortController();
  const changing = keepChanging(input, world, over.signal);
  try {
    return await run();
  } finally {
    over.abort();
    await changing;
    for (const file of ['bad.yaml', 'wide-pods.yaml']) rmSync(join(folder, file), { force: true });
    await quiet(agent.pid, never);
  }
}

async function keepChanging(input: BadInput, world: AgentWorld, over: AbortSignal): Promise<void> {
  for (let turn = 1; !over.aborted; turn++) {
    writeObjects(world.folder, 'bad.yaml', input.change(turn, world));
    await pause(input.everyMillis);
  }
}
