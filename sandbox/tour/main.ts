import { performance } from 'node:perf_hooks';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { readFlags } from '@isthmus/mesh/process/flags.ts';
import { writeErr, writeOut } from '@isthmus/mesh/process/terminal-text.ts';
import { timeScaleOf } from '@isthmus/mesh/process/time-scale.ts';
import { aborted, family, lifeline } from '../processes/lifeline.ts';
import { steadyTraffic } from '../traffic.ts';
import { up } from '../up.ts';
import { reporter, type Step, type Tour } from './context.ts';
import { renderTable, type Finding } from './table.ts';
import { steps } from './steps.ts';

// `isthmus tour`: the sandbox, looked at from all sides; exit status 1 when anything was not as expected.
const print = (line: string) => writeOut(`${line}\n`);
const flags = readFlags(
  'isthmus-tour',
  'the sandbox, looked at from all sides',
  [{ name: 'instance', value: 'NAME', default: 'tour', help: 'name of the instance, which starts over' }],
  [],
);

async function run(step: Step, number: number, tour: Tour, findings: Finding[]): Promise<void> {
  print(`\n${number}. ${step.title}`);
  const report = reporter(String(number), tour.timeScale, findings, print);
  try {
    await step.run(tour, report);
  } catch (error) {
    report.expect('the step runs to its end', error instanceof Error ? error.message : String(error), false);
  }
}

async function runAll(tour: Tour, losses: readonly string[], findings: Finding[]): Promise<void> {
  for (const [index, step] of steps.entries()) await run(step, index + 1, tour, findings);
  const report = reporter('-', tour.timeScale, findings, print);
  print('');
  report.expect('0 programs ended by themselves', losses.join('; ') || '0', losses.length === 0);
}

async function main(): Promise<boolean> {
  const timeScale = timeScaleOf(process.env);
  const members = family(process.env);
  const signal = lifeline(systemClock, members);
  // Of its own, and from the beginning: what it finds must not rest on what somebody changed, nor end it.
  const instance = flags.text('instance');
  const options = {
    clock: systemClock,
    tap: true,
    fresh: true,
    instance,
    progress: print,
    env: process.env,
    signal,
  };
  const sandbox = await up({ ...options, family: members ?? [] });
  const losses: string[] = [];
  sandbox.launcher.onLoss(({ message }) => losses.push(message));
  const traffic = steadyTraffic(sandbox.shopUrl, systemClock);
  const findings: Finding[] = [];
  try {
    const tour: Tour = { sandbox, traffic, clock: systemClock, timeScale };
    await Promise.race([runAll(tour, losses, findings), aborted(signal)]);
  } finally {
    traffic.stop();
    await sandbox.stop();
  }
  const failed = findings.filter(({ ok }) => !ok).length;
  print(`\n${renderTable(findings)}\n`);
  print(
    `${findings.length - failed} as expected, ${failed} not, in ${Math.round(performance.now() / 1000)} s`,
  );
  return failed === 0;
}

// Until it has come to its end: an event loop that runs dry would otherwise be a success.
process.exitCode = 1;
main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    writeErr(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
