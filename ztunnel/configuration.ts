import { isIP } from 'node:net';
import { version } from '@isthmus/mesh/process/version.ts';
import { clusterDomain } from '@isthmus/mesh/decide/host-names.ts';
import {
  defaultTrustDomain,
  formatWorkloadIdentity,
  parseTrustDomain,
  workloadIdentity,
  type SpiffeId,
  type TrustDomain,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { isLoopback } from '@isthmus/mesh/net/cidr.ts';
import { logLevelFlag, type Flags } from '@isthmus/mesh/process/flags.ts';
import { readResolvConf, type ResolverConfig } from './dns/resolv-conf.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

export type ProxyMode = 'shared' | 'gateway' | 'sidecar';

const captures = ['loopback', 'pods', 'host'] as const;
/** How connections come to a proxy: docs/adr/0082, 0096. */
export type CaptureKind = (typeof captures)[number];

/** How one proxy was started. Names of the environment are upstream's where it has one. */
export interface ProxyConfig {
  readonly mode: ProxyMode;
  readonly capture: CaptureKind;
  /** Where a node agent serves ZDS, for `--capture pods`. */
  readonly zdsPath: string;
  readonly xdsAddress: string;
  readonly caAddress: string;
  readonly xdsRootCa: string;
  readonly caRootCa: string;
  readonly tokenFile: string;
  readonly node: string;
  readonly network: string;
  readonly cluster: string;
  readonly podName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** This proxy's own address, from which it dials its control plane. */
  readonly address: string;
  readonly trustDomain: TrustDomain;
  /** Where the config dump listens (15000), on loopback always: it shows the whole mesh. */
  readonly adminAddress: string;
  /** Where metrics (15020) and readiness (15021) listen, for scrapers and probes. */
  readonly metricsAddress: string;
  /** A file, `-` for standard output, or '' for no access log. */
  readonly accessLog: string;
  /** Gateway only: a file to which every byte that passes is appended; '' for none. */
  readonly tap: string;
  /** Data workers. */
  readonly workers: number;
  /** Whom pods ask for names that are not of the mesh. */
  readonly resolvers: ResolverConfig;
  /** Of services of one host name those of this namespace, where neither the client's nor Kubernetes has one; '': none. */
  readonly preferredNamespace: string;
  /** How long connections may live on after the order to stop. */
  readonly drainMillis: number;
}

const modes: readonly string[] = ['shared', 'gateway', 'sidecar'] satisfies readonly ProxyMode[];

/** `resolvConf` is the text of a resolv.conf. `fixed` is the mode of a program that has only one. The error is one sentence for the user who started it. */
export function readConfiguration(
  env: NodeJS.ProcessEnv,
  flags: Pick<Flags, 'text'>,
  fixed?: ProxyMode,
  resolvConf = '',
): Result<ProxyConfig, string> {
  const mode = fixed ?? flags.text('mode');
  if (!modes.includes(mode)) return err(`--mode is ${modes.join(', ')}, not '${mode}'`);
  const capture = captures.find((one) => one === flags.text('capture'));
  if (!capture) return err(`--capture is ${captures.join(', ')}, not '${flags.text('capture')}'`);
  const trustDomain = parseTrustDomain(env['TRUST_DOMAIN'] || defaultTrustDomain);
  if (!trustDomain.ok) return err(`TRUST_DOMAIN: ${trustDomain.error}`);
  const config = {
    ...fromEnvironment(env),
    ...fromFlags(flags),
    mode: mode as ProxyMode,
    capture,
    resolvers: readResolvConf(resolvConf),
    trustDomain: trustDomain.value,
  };
  const problem = problemOf(config);
  return problem === undefined ? ok(config) : err(problem);
}

function fromEnvironment(env: NodeJS.ProcessEnv) {
  const of = (name: string, otherwise = '') => {
    const value = env[name];
    return value === undefined || value === '' ? otherwise : value;
  };
  return {
    xdsAddress: of('XDS_ADDRESS'),
    caAddress: of('CA_ADDRESS', of('XDS_ADDRESS')),
    xdsRootCa: of('XDS_ROOT_CA'),
    caRootCa: of('CA_ROOT_CA', of('XDS_ROOT_CA')),
    tokenFile: of('AUTH_TOKEN'),
    node: of('NODE_NAME'),
    network: of('NETWORK'),
    cluster: of('CLUSTER_ID', 'Kubernetes'),
    podName: of('POD_NAME'),
    namespace: of('POD_NAMESPACE'),
    serviceAccount: of('SERVICE_ACCOUNT', 'default'),
    address: of('INSTANCE_IP'),
    zdsPath: of('INPOD_UDS', '/var/run/ztunnel/ztunnel.sock'),
    // Upstream's spelling.
    preferredNamespace: of('PREFERED_SERVICE_NAMESPACE'),
    workers: Number(of('ZTUNNEL_WORKER_THREADS', '1')),
    drainMillis: seconds(of('CONNECTION_TERMINATION_DEADLINE', '5s')) * 1000,
  };
}

const fromFlags = (flags: Pick<Flags, 'text'>) => ({
  adminAddress: flags.text('admin-address'),
  metricsAddress: flags.text('metrics-address'),
  accessLog: flags.text('access-log'),
  tap: flags.text('tap'),
});

const seconds = (text: string): number => Number(/^(\d+(?:\.\d+)?)s?$/.exec(text)?.[1] ?? Number.NaN);

function problemOf(config: ProxyConfig): string | undefined {
  const { mode, capture, tap, address, node, podName, namespace, workers, drainMillis } = config;
  const needed = {
    XDS_ADDRESS: config.xdsAddress,
    XDS_ROOT_CA: config.xdsRootCa,
    AUTH_TOKEN: config.tokenFile,
    INSTANCE_IP: address,
    ...(mode === 'gateway' ? {} : { NODE_NAME: node }),
    ...(mode === 'shared' ? {} : { POD_NAME: podName, POD_NAMESPACE: namespace }),
  };
  const missing = Object.entries(needed).find(([, value]) => value === '');
  if (missing) return `the environment variable ${missing[0]} is required`;
  const outside = notLoopback(config);
  if (outside !== undefined) return `NOT_LOOPBACK: ${outside}`;
  if (capture !== 'loopback' && mode !== 'shared')
    return `--capture ${capture} is for --mode shared, not ${mode}`;
  if (tap !== '' && mode !== 'gateway') return '--tap is for --mode gateway only';
  if (!Number.isInteger(workers) || workers < 1 || workers > 64)
    return 'ZTUNNEL_WORKER_THREADS is a number from 1 to 64';
  return Number.isNaN(drainMillis)
    ? 'CONNECTION_TERMINATION_DEADLINE is a number of seconds, as 5s'
    : undefined;
}

function notLoopback({ capture, address, adminAddress, metricsAddress }: ProxyConfig): string | undefined {
  const isOutside = (value: string) => isIP(value) === 0 || !isLoopback(value);
  if (isOutside(adminAddress))
    return `--admin-address ${adminAddress} is not an address of 127.0.0.0/8 and not ::1: the config dump there shows the whole mesh to anyone who can connect, so it is served on loopback only`;
  if (capture !== 'loopback') return undefined;
  const outside = Object.entries({ INSTANCE_IP: address, '--metrics-address': metricsAddress }).find(
    ([, value]) => isOutside(value),
  );
  return (
    outside &&
    `${outside.join(' ')} is not an address of 127.0.0.0/8, and loopback capture serves no other: a client that reaches another address bypasses the mesh`
  );
}

const nodeKinds = { shared: 'ztunnel', gateway: 'router', sidecar: 'sidecar' } as const;

/** How a proxy names itself to its control plane. */
export function nodeOf(config: ProxyConfig) {
  const { namespace, podName, address, node, network, mode, cluster } = config;
  return {
    id: `${nodeKinds[mode]}~${address}~${podName}.${namespace}~${namespace}.svc.${clusterDomain}`,
    cluster,
    metadata: {
      NAME: podName,
      NAMESPACE: namespace,
      INSTANCE_IPS: address,
      NODE_NAME: node,
      NETWORK: network,
      ISTHMUS_VERSION: version,
    },
  };
}

/** As it was started; the control plane may know another trust domain for it (see proxy/gateway-identity.ts). */
export const ownIdentity = ({ trustDomain, namespace, serviceAccount }: ProxyConfig): SpiffeId =>
  formatWorkloadIdentity(workloadIdentity(trustDomain, namespace, serviceAccount));

export const proxyFlags = [
  {
    name: 'mode',
    value: 'MODE',
    default: 'shared',
    help: 'shared (one for a node), gateway (east-west) or sidecar (one pod)',
  },
  {
    name: 'capture',
    value: 'HOW',
    default: 'loopback',
    help: 'loopback (addresses of 127.0.0.0/8 only), pods (those that a node agent enrols, in their network namespaces) or host (this machine)',
  },
  {
    name: 'admin-address',
    value: 'ADDRESS',
    default: '127.0.0.1',
    help: 'where the config dump (15000) listens: on loopback only, since it shows the whole mesh',
  },
  {
    name: 'metrics-address',
    value: 'ADDRESS',
    help: 'where metrics (15020) and readiness (15021) listen',
  },
  {
    name: 'access-log',
    value: 'WHERE',
    default: '',
    help: 'a file, or - for standard output, to which each connection adds a line',
  },
  {
    name: 'resolv-conf',
    value: 'FILE',
    default: '/etc/resolv.conf',
    help: 'which resolvers answer pods for names that are not of the mesh; read once, when it starts',
  },
  {
    name: 'tap',
    value: 'FILE',
    default: '',
    help: 'debug, gateway only: append every byte that passes to this file',
  },
  logLevelFlag,
  { name: 'parent-pipe', help: 'end when standard input ends' },
] as const;
