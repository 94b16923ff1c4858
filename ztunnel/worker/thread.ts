import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { Engine } from '../engine/engine.ts';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';
import { Output } from './output.ts';

// A data worker's thread: it owns its part of the listeners and everything that a connection needs.
const { config, logLevel, retryFloor } = workerData as WorkerData;
const port = parentPort;
if (!port) throw new Error('thread.ts runs as a worker thread');

const log = createLog(config.mode, logLevel);
const outputTo = (place: string): Output | undefined =>
  place === ''
    ? undefined
    : new Output(place, systemClock, (error) =>
        log.error({ place, error: error.message }, 'cannot be written to; what it should hold is dropped'),
      );
const access = outputTo(config.accessLog);
const tap = outputTo(config.tap);

/** The process may exit as soon as it receives `drained`, so the last connection's line is flushed before. */
async function say(message: FromWorker): Promise<void> {
  if (message.kind === 'drained') await Promise.all([access?.end(), tap?.end()]);
  port?.postMessage(message);
}

const engine = new Engine({
  config,
  retryFloor,
  clock: systemClock,
  random: systemRandom,
  log,
  say: (message) => void say(message),
  access: access && ((line) => access.write(line)),
  tap: tap && ((entry) => tap.write(entry)),
});
port.on('message', (message: ToWorker) => engine.hear(message));
