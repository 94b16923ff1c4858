import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { readFlags } from '@isthmus/mesh/process/flags.ts';
import { writeErr, writeOut } from '@isthmus/mesh/process/terminal-text.ts';
import { aborted, complaintOf, family, lifeline } from './processes/lifeline.ts';
import { steadyTraffic } from './traffic.ts';
import { up, type Sandbox } from './up.ts';

// `isthmus up`: the whole mesh on one machine, until Ctrl-C or until the process that started it is gone.
const flags = readFlags(
  'isthmus-sandbox',
  'a hub, three clusters and a sample shop on this machine',
  [
    { name: 'instance', value: 'NAME', help: 'go on with, or start, the instance of this name' },
    { name: 'fresh', help: 'start over: what an earlier run of this instance left is removed' },
    { name: 'tap', help: 'debug: gateways write down every byte that passes' },
  ],
  [],
);

function print(line: string): void {
  writeOut(`${line}\n`);
}

function describe(sandbox: Sandbox): void {
  const megabytes = Math.round(sandbox.memoryBytes() / 1024 / 1024);
  print(
    `ready in ${(sandbox.startMillis / 1000).toFixed(1)} s; ${sandbox.pids().length} processes, ${megabytes} MiB in use (PSS)`,
  );
  print('');
  print(`  GraphQL API   ${sandbox.endpoint.url}`);
  print(`  admin token   ${sandbox.endpoint.tokenFile}`);
  print(`  the shop      ${sandbox.shopUrl}`);
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
  const members = family(process.env);
  const signal = lifeline(systemClock, members);
  const [tap, fresh] = [flags.on('tap'), flags.on('fresh')];
  const instance = flags.text('instance') === '' ? undefined : flags.text('instance');
  const options = { clock: systemClock, tap, fresh, instance, progress: print, env: process.env, signal };
  const sandbox = await up({ ...options, family: members ?? [] });
  sandbox.launcher.onLoss(({ message }) => writeErr(`${message}\n`));
  const traffic = steadyTraffic(sandbox.shopUrl, systemClock);
  describe(sandbox);
  await aborted(signal).catch(() => undefined);
  traffic.stop();
  print('stopping');
  await sandbox.stop();
  const complaint = complaintOf(signal);
  if (complaint !== undefined) throw new Error(complaint);
}

// Until it has come to its end: an event loop that runs dry would otherwise be a success.
process.exitCode = 1;
main().then(
  () => process.exit(0),
  (error: unknown) => {
    writeErr(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
