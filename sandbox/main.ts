import { parseArgs } from 'node:util';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ancestors, isAlive } from './processes/ancestors.ts';
import { proportionalBytes } from './processes/memory.ts';
import { steadyTraffic } from './traffic.ts';
import { up, type Sandbox } from './up.ts';

// `isthmus up`: the whole mesh on one machine, until Ctrl-C or until whoever started it is gone.
const { values } = parseArgs({ options: { tap: { type: 'boolean', default: false } } });
const family = ancestors();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function describe(sandbox: Sandbox): void {
  const pids = [process.pid, ...sandbox.launcher.all().map(({ pid }) => pid)];
  const megabytes = Math.round(proportionalBytes(pids) / 1024 / 1024);
  print(
    `ready in ${(sandbox.startMillis / 1000).toFixed(1)} s; ${pids.length} processes, ${megabytes} MiB in use (PSS)`,
  );
  print('');
  print(`  GraphQL API   ${sandbox.endpoint.url}`);
  print(`  admin token   ${sandbox.endpoint.tokenFile}`);
  print(`  the shop      ${sandbox.doorUrl}`);
  print(`  logs          ${sandbox.place.stateDir}/logs`);
  print('');
  print('Three queries to try:');
  print('  { clusters(first: 10) { nodes { name state link { connected } } } }');
  print('  { services(first: 20) { nodes { namespace name clusters { cluster exported healthy total } } } }');
  print('  { trustDomains(first: 5) { nodes { name intermediates { cluster keyId activated revoked } } } }');
  print('Send one with:');
  print(
    `  curl -s ${sandbox.endpoint.url} -H "authorization: Bearer $(cat ${sandbox.endpoint.tokenFile})" \\`,
  );
  print(
    `    -H 'content-type: application/json' -d '{"query":"{ clusters(first: 10) { nodes { name state } } }"}'`,
  );
  print('');
  print('Ctrl-C stops everything.');
}

async function main(): Promise<void> {
  const stopping = new AbortController();
  const ask = (why: string) => {
    if (!stopping.signal.aborted) stopping.abort(new Error(why));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(signal));
  const watch = () => {
    if (!family.every((one) => isAlive(one))) ask('parent gone');
    systemClock.after(500, watch);
  };
  watch();

  const sandbox = await up({ clock: systemClock, tap: values.tap, progress: print, env: process.env });
  const traffic = steadyTraffic(sandbox.doorUrl, systemClock);
  describe(sandbox);
  await new Promise<void>((resolve) => {
    if (stopping.signal.aborted) resolve();
    stopping.signal.addEventListener('abort', () => resolve());
  });
  traffic.stop();
  print('stopping');
  await sandbox.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
