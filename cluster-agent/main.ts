import { isLoopback } from '@isthmus/mesh/net/cidr.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { logLevelFlag, readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startAgent } from './start.ts';
import { bindWithin } from './source/files/port-trials.ts';

const flags = readFlags(
  'isthmus-agent',
  'the control plane of one cluster',
  [
    { name: 'cluster', value: 'NAME', help: 'the name under which this cluster joins' },
    { name: 'state-dir', value: 'DIR', help: 'private folder for keys, allocations and the hub’s last view' },
    { name: 'manifests', value: 'DIR', help: 'folder of Kubernetes and Istio YAML that is this cluster' },
    { name: 'addresses', value: 'CIDR', help: 'a /20 of loopback addresses to allocate from' },
    { name: 'xds-listen', value: 'HOST:PORT', help: 'where proxies get configuration and certificates' },
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
  ['cluster', 'state-dir', 'manifests', 'addresses', 'xds-listen'],
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
startAgent(
  {
    cluster: flags.text('cluster'),
    stateDir: flags.text('state-dir'),
    runtime: {
      kind: 'files',
      manifests: flags.text('manifests'),
      addresses: flags.text('addresses'),
      localAddress: flags.text('bind'),
      tryBind: bindWithin(flags.text('addresses')),
    },
    localAddress: flags.text('bind'),
    trustDomain: flags.text('trust-domain'),
    xdsHost,
    xdsPort,
    admin: flags.text('admin-listen') === '' ? ownAdmin : flags.address('admin-listen'),
    tokenFile: flags.text('join-token-file') === '' ? undefined : flags.text('join-token-file'),
    clock: systemClock,
    random: systemRandom,
    log,
  },
  stop.signal,
).catch((error: unknown) => {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'the agent cannot start');
  process.exit(1);
});
