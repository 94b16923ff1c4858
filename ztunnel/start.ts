import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startProxy } from './app.ts';
import { proxyFlags, readConfiguration, type ProxyMode } from './configuration.ts';

/** Reads flags and environment and runs one proxy until it is told to stop. */
export function runProxy(program: string, purpose: string, fixedMode?: ProxyMode): void {
  const flags = readFlags(program, purpose, proxyFlags, ['admin-address']);
  const named = flags.text('mode');
  const mode = fixedMode ?? (named === 'gateway' ? 'gateway' : 'shared');
  const logLevel = flags.text('log-level');
  const log = createLog(mode, logLevel);
  const stop = new AbortController();
  const end = () => {
    stop.abort(new Error('stopped'));
    systemClock.after(1000, () => process.exit(0));
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  if (flags.on('parent-pipe')) onParentGone(() => process.exit(0));
  startProxy(
    {
      config: readConfiguration(process.env, flags, mode),
      clock: systemClock,
      random: systemRandom,
      log,
      logLevel,
    },
    stop.signal,
  );
}
