import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { ProxyConfig } from '../configuration.ts';
import { Engine } from '../engine/engine.ts';
import { appendTo } from './output.ts';
import type { FromWorker, ToWorker } from './messages.ts';

// A data worker's thread: it owns its part of the listeners and everything that a connection needs.
const { config, logLevel } = workerData as { config: ProxyConfig; logLevel: string };
const port = parentPort;
if (!port) throw new Error('thread.ts runs as a worker thread');

const [access, tap] = [appendTo(config.accessLog), appendTo(config.tap)];

/** Whoever hears that all is drained ends the process: the last lines are written before. */
async function say(message: FromWorker): Promise<void> {
  if (message.kind === 'drained') await Promise.all([access?.flushed(), tap?.flushed()]);
  port?.postMessage(message);
}

const engine = new Engine({
  config,
  clock: systemClock,
  random: systemRandom,
  log: createLog(config.mode, logLevel),
  say: (message) => void say(message),
  access: access && ((line) => access.write(line)),
  tap: tap && ((entry) => tap.write(entry)),
});
port.on('message', (message: ToWorker) => engine.hear(message));
