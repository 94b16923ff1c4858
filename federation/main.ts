import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startHub } from './app.ts';

const flags = readFlags(
  'isthmus-federation',
  'the hub of a federation of meshes',
  [
    { name: 'state-dir', value: 'DIR', help: 'private folder for the store, keys and the first admin token' },
    {
      name: 'api-listen',
      value: 'HOST:PORT',
      default: '127.0.0.1:8080',
      help: 'GraphQL; a busy port becomes the next free one',
    },
    { name: 'link-listen', value: 'HOST:PORT', help: 'where agents connect' },
    { name: 'join-listen', value: 'HOST:PORT', help: 'where clusters join' },
    {
      name: 'advertise-link',
      value: 'HOST:PORT,…',
      help: 'where agents reach the link of each replica; by default where it listens',
    },
    { name: 'advertise-join', value: 'HOST:PORT,…', help: 'the same for joining' },
    { name: 'hub-id', value: 'ID', default: 'hub', help: 'names this hub in agents’ certificates' },
    { name: 'trust-domain', value: 'NAME', default: 'cluster.local', help: 'minted at the first start' },
    { name: 'export-by-label', help: 'the label istio.io/global alone exports a service' },
    { name: 'store', value: 'KIND', default: 'sqlite', help: 'sqlite or memory' },
    { name: 'log-level', value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
    { name: 'parent-pipe', help: 'end when standard input ends' },
  ],
  ['state-dir', 'link-listen', 'join-listen'],
);

const log = createLog('federation', flags.text('log-level'));
const stop = new AbortController();
const end = () => {
  stop.abort(new Error('stopped'));
  systemClock.after(500, () => process.exit(0));
};
process.on('SIGTERM', end).on('SIGINT', end);
if (flags.on('parent-pipe')) onParentGone(() => process.exit(0));

const listOf = (flag: string): readonly string[] =>
  flags
    .text(flag)
    .split(',')
    .filter((one) => one !== '');

const api = flags.text('api-listen');
startHub(
  {
    stateDir: flags.text('state-dir'),
    linkListen: flags.text('link-listen'),
    joinListen: flags.text('join-listen'),
    advertiseLink: listOf('advertise-link'),
    advertiseJoin: listOf('advertise-join'),
    ...{ apiHost: api.slice(0, api.lastIndexOf(':')), apiPort: Number(api.slice(api.lastIndexOf(':') + 1)) },
    hubId: flags.text('hub-id'),
    trustDomain: flags.text('trust-domain'),
    exportByLabel: flags.on('export-by-label'),
    store: flags.text('store') === 'memory' ? 'memory' : 'sqlite',
    clock: systemClock,
    random: systemRandom,
    log,
  },
  stop.signal,
).catch((error: unknown) => {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'the hub cannot start');
  process.exit(1);
});
