import { parentPort, workerData } from 'node:worker_threads';
import type { L7Engine } from '@isthmus/mesh/l7/engine.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { captureOf } from '../capture/choose.ts';
import { Engine } from '../engine/engine.ts';
import type { FromWorker, ToWorker, WorkerData } from '../messages.ts';
import { Output } from './output.ts';

/** What a program adds to a data worker. */
interface WorkerParts {
  /** Gets the connections that it takes, in place of the relay. */
  readonly l7: L7Engine | undefined;
}

/** Runs a data worker in this thread: it owns its part of the listeners and everything that a connection needs. */
export async function runWorker({ l7 }: WorkerParts): Promise<void> {
  const { config, logLevel, retryFloor } = workerData as WorkerData;
  const port = parentPort;
  if (!port) throw new Error('a data worker runs in a worker thread');
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
  const say = async (message: FromWorker): Promise<void> => {
    if (message.kind === 'drained') await Promise.all([access?.end(), tap?.end()]);
    port.postMessage(message);
  };
  const engine = new Engine({
    capture: await captureOf(config.capture),
    config,
    retryFloor,
    clock: systemClock,
    random: systemRandom,
    log,
    say: (message) => void say(message),
    access: access && ((line) => access.write(line)),
    tap: tap && ((entry) => tap.write(entry)),
    l7,
  });
  port.on('message', (message: ToWorker) => engine.hear(message));
}
