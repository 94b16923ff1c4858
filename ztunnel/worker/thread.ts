import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { ProxyConfig } from '../configuration.ts';
import { Engine } from '../engine/engine.ts';
import { appendTo } from './output.ts';
import type { ToWorker } from './messages.ts';

// A data worker's thread: it owns its part of the listeners and everything that a connection needs.
const { config, logLevel } = workerData as { config: ProxyConfig; logLevel: string };
const port = parentPort;
if (!port) throw new Error('thread.ts runs as a worker thread');

const engine = new Engine({
  config,
  clock: systemClock,
  random: systemRandom,
  log: createLog(config.mode, logLevel),
  say: (message) => port.postMessage(message),
  access: appendTo(config.accessLog),
  tap: appendTo(config.tap),
});
port.on('message', (message: ToWorker) => engine.hear(message));
