import { parentPort, workerData } from 'node:worker_threads';
import { RetryFloor } from '@isthmus/ztunnel/proxy/retry-floor.ts';
import { FakeClock } from './clock.ts';

// A data worker's thread that asks for retries of many services in one second, and says how many it got of each.
const { memory, services, tries } = workerData as {
  memory: SharedArrayBuffer;
  services: number;
  tries: number;
};
const floor = new RetryFloor(new FakeClock(), memory);
const granted = Array<number>(services).fill(0);
for (let i = 0; i < tries; i++)
  for (let service = 0; service < services; service++)
    if (floor.take(`service ${service}`)) granted[service]!++;
parentPort?.postMessage(granted);
