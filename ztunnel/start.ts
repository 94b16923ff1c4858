import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import { proxyFlags, readConfiguration, type ProxyMode } from './configuration.ts';
import { startThreads } from './worker/host.ts';

/** What a program is beside others that run the same engine. */
interface ProxyProgram {
  readonly program: string;
  readonly purpose: string;
  /** Undefined: a flag says it. */
  readonly mode: ProxyMode | undefined;
  /** The file of its data workers' threads. */
  readonly thread: URL;
}

/** Reads flags and environment and runs one proxy until a signal: SIGTERM drains, a second one ends. */
export async function runProxy({ program, purpose, mode, thread }: ProxyProgram): Promise<void> {
  const flags = readFlags(program, purpose, proxyFlags, ['metrics-address']);
  const resolvConf = textOf(flags.text('resolv-conf'));
  const config = readConfiguration(process.env, flags, mode, resolvConf);
  if (!config.ok) {
    writeErr(`${program}: ${config.error}; see ${program} --help\n`);
    process.exit(2);
  }
  const logLevel = flags.text('log-level');
  const log = createLog(config.value.mode, logLevel);
  // Before the control thread's own modules: they take as long to load as a worker's, and both load at once so.
  const threads = startThreads(thread, config.value, logLevel);
  const { startProxy } = await import('./app.ts');
  const proxy = startProxy({
    config: config.value,
    clock: systemClock,
    random: systemRandom,
    log,
    threads,
    die: () => process.exit(1),
  });
  let stopping = false;
  const end = () => {
    if (stopping) process.exit(0);
    stopping = true;
    void proxy.drain().then(() => process.exit(0));
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  if (flags.on('parent-pipe')) onParentGone(() => process.exit(0));
}

/** Without the file nobody is asked, and names that are not of the mesh are answered with SERVFAIL. */
function textOf(path: string): string {
  try {
    return readText(path);
  } catch {
    return '';
  }
}
