import { isLoopback } from '@isthmus/mesh/net/cidr.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { logLevelFlag, readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import type { AgentOptions, RuntimeOptions } from './agent-options.ts';
import {
  nodeProxyAccountsOf,
  nodeProxyFlag,
  replicaListenOf,
  runtimeFlags,
  runtimeOf,
} from './runtime-flags.ts';
import type { NodeProxyAccounts } from './view/node-proxy.ts';
import { startAgent } from './start.ts';

const flags = readFlags(
  'isthmus-agent',
  'the control plane of one cluster',
  [
    { name: 'cluster', value: 'NAME', help: 'the name under which this cluster joins' },
    { name: 'state-dir', value: 'DIR', help: 'private folder for keys, allocations and the hub’s last view' },
    ...runtimeFlags,
    { name: 'xds-listen', value: 'HOST:PORT', help: 'where proxies get configuration and certificates' },
    {
      name: 'xds-name',
      value: 'NAME,…',
      default: '',
      help: 'host names and addresses by which proxies call it: the names of its certificate, beside the host of --xds-listen',
    },
    nodeProxyFlag,
    {
      name: 'bind',
      value: 'ADDRESS',
      default: '',
      help: 'local address of connections to the hub and of probes',
    },
    {
      name: 'admin-listen',
      value: 'HOST:PORT',
      default: '',
      help: '/livez, /readyz and /metrics; by default port 15014 of the loopback address of --xds-listen, or of 127.0.0.1',
    },
    { name: 'join-token-file', value: 'FILE', help: 'file with the token of the first start' },
    {
      name: 'trust-domain',
      value: 'NAME',
      default: 'cluster.local',
      help: 'trust domain to use before the hub has assigned one',
    },
    logLevelFlag,
    { name: 'parent-pipe', help: 'end when standard input ends' },
  ],
  ['cluster', 'state-dir', 'xds-listen'],
);

const log = createLog('cluster-agent', flags.text('log-level'));
const stop = new AbortController();
const end = () => {
  stop.abort(new Error('stopped'));
  systemClock.after(500, () => process.exit(0));
};
process.on('SIGTERM', end).on('SIGINT', end);
if (flags.on('parent-pipe')) onParentGone(() => process.exit(0));

const { host: xdsHost, port: xdsPort } = flags.address('xds-listen');
const ownAdmin = { host: isLoopback(xdsHost) ? xdsHost : '127.0.0.1', port: 15_014 };

function usage(message: string): never {
  writeErr(`isthmus-agent: ${message}; see isthmus-agent --help\n`);
  process.exit(2);
}

async function start(): Promise<void> {
  const runtime = await runtimeOf(flags, systemClock);
  if (!runtime.ok) return usage(runtime.error);
  const nodeProxyAccounts = nodeProxyAccountsOf(flags, runtime.value);
  if (!nodeProxyAccounts.ok) return usage(nodeProxyAccounts.error);
  await startAgent(optionsOf(runtime.value, nodeProxyAccounts.value), stop.signal);
}

const optionsOf = (runtime: RuntimeOptions, nodeProxyAccounts: NodeProxyAccounts): AgentOptions => ({
  cluster: flags.text('cluster'),
  stateDir: flags.text('state-dir'),
  runtime,
  localAddress: flags.text('bind'),
  trustDomain: flags.text('trust-domain'),
  nodeProxyAccounts,
  xdsHost,
  xdsPort,
  xdsNames: flags
    .text('xds-name')
    .split(',')
    .filter((name) => name !== ''),
  replicaListen: replicaListenOf(flags),
  admin: flags.text('admin-listen') === '' ? ownAdmin : flags.address('admin-listen'),
  tokenFile: flags.text('join-token-file') === '' ? undefined : flags.text('join-token-file'),
  clock: systemClock,
  random: systemRandom,
  log,
});

start().catch((error: unknown) => {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'the agent cannot start');
  process.exit(1);
});
