import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { until } from '../sandbox/processes/wait.ts';
import { up, type Sandbox } from '../sandbox/up.ts';
import { haproxyVersion, startHaproxy } from './haproxy.ts';
import { machine } from './machine.ts';
import { measure, type Measured } from './measure.ts';
import { compileLoad } from './native/compile.ts';
import { run, serve, type Path } from './native/load.ts';
import { paths } from './paths.ts';
import { addBenchPods, benchPort, servers } from './pods.ts';
import { policyTimes } from './policy.ts';
import { quantile } from './quantile.ts';
import { tables } from './table.ts';

// `npm run bench`: what the paths of a mesh cost, side by side in one run.
const help = `npm run bench -- [--seconds N] [--policies N]
  --seconds N   for each load, after a second of warming up (default 5)
  --policies N  how many policies are timed (default 30)`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    policies: { type: 'string', default: '30' },
    help: { type: 'boolean', default: false },
  },
});

async function bench(sandbox: Sandbox, folder: string): Promise<void> {
  const program = compileLoad(folder);
  const environments = await addBenchPods(sandbox);
  const stops: (() => void)[] = [];
  try {
    for (const name of Object.keys(servers))
      stops.push((await serve(program, environments[name]?.['APP_ADDRESS'] ?? '', benchPort)).stop);
    const haproxy = await haproxies(folder, environments, stops);
    const rows: Measured[] = [];
    for (const path of paths(sandbox, environments, haproxy)) {
      await answers(program, path);
      console.error(`measuring: ${path.name}`);
      rows.push(await measure(program, path, Number(values.seconds)));
    }
    console.log(`${tables(rows)}\n`);
  } finally {
    for (const stop of stops) stop();
  }
}

async function haproxies(
  folder: string,
  environments: Readonly<Record<string, Readonly<Record<string, string>>>>,
  stops: (() => void)[],
) {
  if (haproxyVersion() === undefined) {
    console.log('haproxy is not installed, so it is NOT in the tables\n');
    return undefined;
  }
  const [caller, near] = [environments['caller'] ?? {}, environments['near'] ?? {}];
  const addresses = { clientAddress: caller['APP_ADDRESS'] ?? '', serverAddress: near['APP_ADDRESS'] ?? '' };
  const pair = await startHaproxy(folder, addresses, { host: near['APP_ADDRESS'] ?? '', port: benchPort });
  stops.push(pair.stop);
  return pair;
}

/** The mesh learns of the bench's servers by itself; a path is measured once one echo came back. */
async function answers(program: string, path: Path): Promise<void> {
  const once = () => run(program, 'ping', path, 1, 1);
  await until(systemClock, `an answer by ${path.name}`, once, { within: 60_000, every: 250 });
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const sandbox = await up({
    clock: systemClock,
    tap: false,
    progress: () => undefined,
    env: { ...process.env, XDG_STATE_HOME: folder },
  });
  try {
    const haproxy = haproxyVersion();
    console.log(`${machine(...(haproxy === undefined ? [] : [`haproxy ${haproxy}`]))}\n`);
    await bench(sandbox, folder);
    const times = await policyTimes(sandbox, Number(values.policies));
    const [p50, p99] = [quantile(times, 0.5).toFixed(0), quantile(times, 0.99).toFixed(0)];
    console.log(
      `policy accepted to acknowledged by the last proxy of three clusters: p50 ${p50} ms, p99 ${p99} ms`,
    );
  } finally {
    await sandbox.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.help) console.log(help);
else await main();
