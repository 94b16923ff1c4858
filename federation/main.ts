import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { parseLimits } from '@isthmus/api/domain/limits.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { logLevelFlag, readFlags } from '@isthmus/mesh/process/flags.ts';
import { parseLinkAgent, parseTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { onParentGone } from '@isthmus/mesh/process/parent-pipe.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { stopSignal } from '@isthmus/mesh/process/stop-signal.ts';
import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import { startHub } from './app.ts';
import type { Result } from '@isthmus/mesh/result.ts';

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
    {
      name: 'api-cert',
      value: 'FILE',
      help: 'GraphQL over TLS: the certificate and its chain, PEM; read again when it changes',
    },
    { name: 'api-key', value: 'FILE', help: 'the private key of --api-cert, PEM' },
    {
      name: 'api-plaintext',
      help: 'serve GraphQL without TLS beyond loopback: a proxy before the hub terminates it',
    },
    { name: 'link-listen', value: 'HOST:PORT', help: 'where agents connect' },
    { name: 'join-listen', value: 'HOST:PORT', help: 'where clusters join' },
    {
      name: 'advertise-link',
      value: 'HOST:PORT,…',
      help: 'where agents reach the link of each replica; by default where it listens',
    },
    {
      name: 'advertise-join',
      value: 'HOST:PORT,…',
      help: 'where clusters reach the join port of each replica; by default where it listens',
    },
    {
      name: 'outside-service',
      value: 'NAMESPACE/NAME',
      help: 'in Kubernetes: the Service of type LoadBalancer before the hub, with ports named link and join; its addresses are advertised',
    },
    {
      name: 'admin-token-secret',
      value: 'NAMESPACE/NAME',
      help: 'in Kubernetes: the Secret with the admin token, key token, in place of a file; one that a person made is used',
    },
    {
      name: 'kubernetes',
      value: 'KUBECONFIG',
      default: 'in-cluster',
      help: 'the cluster of that Service and Secret: a kubeconfig, or in-cluster',
    },
    {
      name: 'admin-listen',
      value: 'HOST:PORT',
      default: '127.0.0.1:15014',
      help: '/livez, /readyz and /metrics; a busy port becomes the next free one',
    },
    { name: 'hub-id', value: 'ID', default: 'hub', help: 'names this hub in agents’ certificates' },
    { name: 'trust-domain', value: 'NAME', default: 'cluster.local', help: 'minted at the first start' },
    { name: 'export-by-label', help: 'the label istio.io/global or a ServiceExport alone exports a service' },
    {
      name: 'exports',
      value: 'MODE',
      default: 'open',
      choices: ['open', 'strict'],
      help: 'strict: a second cluster that exports an existing name by label waits for isthmus approve-export',
    },
    {
      name: 'cluster-limits',
      value: 'NAME=N,…',
      default: '',
      help: 'what one cluster may report, over the defaults services=5000, endpoints=50000, gateways=16, ports=20000, bytes=33554432, reportsPerSecond=1000',
    },
    {
      name: 'store',
      value: 'KIND',
      default: 'sqlite',
      choices: ['sqlite', 'memory'],
      help: 'sqlite, or memory, which is gone with the process',
    },
    { name: 'new-admin-token', help: 'replace the admin token: the old one ends' },
    {
      name: 'epoch-above',
      value: 'N',
      default: '0',
      help: 'after a backup was restored: the highest epoch that agents have seen, which they name when they refuse the hub',
    },
    logLevelFlag,
    { name: 'parent-pipe', help: 'end when standard input ends' },
  ],
  ['state-dir', 'link-listen', 'join-listen'],
);

const log = createLog('federation', flags.text('log-level'));
const stop = stopSignal({ clock: systemClock, log, process });
if (flags.on('parent-pipe')) onParentGone(() => process.exit(0));

/** What service managers and scripts tell a hub that was replaced by. */
const fencedStatus = 7;

const listOf = (flag: string): readonly string[] =>
  flags
    .text(flag)
    .split(',')
    .filter((one) => one !== '');

/** Two files that are given together. */
function pairOf(certFlag: string, keyFlag: string): { cert: string; key: string } | undefined {
  const [cert, key] = [flags.text(certFlag), flags.text(keyFlag)];
  if ((cert === '') === (key === '')) return cert === '' ? undefined : { cert, key };
  return usage(`--${certFlag} and --${keyFlag} are given together`);
}

function usage(message: string): never {
  writeErr(`isthmus-federation: ${message}\n`);
  process.exit(2);
}

const limits = parseLimits(flags.text('cluster-limits'));
if (!limits.ok) usage(`--cluster-limits: ${limits.error}`);

// Both stand in SPIFFE IDs, and an ID that no verifier reads would be found out by the first handshake only.
const trustDomain = ofTrustDomain('trust-domain', parseTrustDomain(flags.text('trust-domain')));
ofTrustDomain('hub-id', parseLinkAgent(`spiffe://link.${flags.text('hub-id')}/cluster/a`));
function ofTrustDomain<T>(flag: 'trust-domain' | 'hub-id', read: Result<T, string>): T {
  if (read.ok) return read.value;
  return usage(`--${flag} '${flags.text(flag)}' is not the name of a trust domain: ${read.error}`);
}

const { host: apiHost, port: apiPort } = flags.address('api-listen');
const { host: adminHost, port: adminPort } = flags.address('admin-listen');
for (const name of ['link-listen', 'join-listen']) flags.address(name);
const [outsideObject, secretObject] = [objectOf('outside-service'), objectOf('admin-token-secret')];
if (outsideObject && flags.text('advertise-link') + flags.text('advertise-join') !== '')
  usage('--outside-service stands in place of --advertise-link and --advertise-join: give one of them');
const api = (outsideObject ?? secretObject) ? await apiServerOf(flags.text('kubernetes')) : undefined;
const outsideService = outsideObject && api && { ...outsideObject, server: api };
const adminTokenSecret = secretObject && api && { ...secretObject, server: api };

function objectOf(flag: string): { namespace: string; name: string } | undefined {
  const text = flags.text(flag);
  if (text === '') return undefined;
  const [, namespace, name] = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    return usage(`--${flag} is NAMESPACE/NAME, not '${text}'`);
  return { namespace, name };
}

/** The client is loaded only where there is a cluster. */
async function apiServerOf(from: string): Promise<ApiServer> {
  const { kubeClient } = await import('@isthmus/api/kube/client.ts');
  try {
    return kubeClient(from, systemClock).server;
  } catch (error) {
    return usage(`--kubernetes: ${error instanceof Error ? error.message : String(error)}`);
  }
}

startHub(
  {
    stateDir: flags.text('state-dir'),
    linkListen: flags.text('link-listen'),
    joinListen: flags.text('join-listen'),
    advertiseLink: listOf('advertise-link'),
    advertiseJoin: listOf('advertise-join'),
    outsideService,
    adminTokenSecret,
    apiHost,
    apiPort,
    apiCertificate: pairOf('api-cert', 'api-key'),
    apiPlaintext: flags.on('api-plaintext'),
    adminHost,
    adminPort,
    hubId: flags.text('hub-id'),
    trustDomain,
    exportByLabel: flags.on('export-by-label'),
    exports: flags.text('exports') === 'strict' ? 'strict' : 'open',
    limits: limits.value,
    store: flags.text('store') === 'memory' ? 'memory' : 'sqlite',
    newAdminToken: flags.on('new-admin-token'),
    epochAbove: flags.count('epoch-above'),
    clock: systemClock,
    random: systemRandom,
    log,
  },
  stop,
).then(
  ({ ended }) =>
    ended.then(
      ({ kind }) => process.exit(kind === 'fenced' ? fencedStatus : 0),
      failed('the hub has ended, and could not close everything'),
    ),
  failed('the hub cannot start'),
);

function failed(message: string): (error: unknown) => never {
  return (error) => {
    log.error({ error: error instanceof Error ? error.message : String(error) }, message);
    process.exit(1);
  };
}
