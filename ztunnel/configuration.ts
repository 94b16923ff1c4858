import type { Flags } from '@isthmus/mesh/process/flags.ts';

export type ProxyMode = 'shared' | 'gateway' | 'sidecar';

/** How one proxy was started. Names of the environment are upstream's where it has one. */
export interface ProxyConfig {
  readonly mode: ProxyMode;
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
  readonly trustDomain: string;
  readonly adminAddress: string;
  readonly accessLog: boolean;
  /** Gateway only: a file to which every byte that passes is appended. */
  readonly tap: string;
}

export function readConfiguration(env: NodeJS.ProcessEnv, flags: Flags, mode: ProxyMode): ProxyConfig {
  const of = (name: string, otherwise = '') => env[name] ?? otherwise;
  return {
    ...{ mode, xdsAddress: of('XDS_ADDRESS'), caAddress: of('CA_ADDRESS', of('XDS_ADDRESS')) },
    xdsRootCa: of('XDS_ROOT_CA'),
    caRootCa: of('CA_ROOT_CA', of('XDS_ROOT_CA')),
    tokenFile: of('AUTH_TOKEN'),
    ...{ node: of('NODE_NAME'), network: of('NETWORK'), cluster: of('CLUSTER_ID', 'Kubernetes') },
    podName: of('POD_NAME'),
    namespace: of('POD_NAMESPACE'),
    serviceAccount: of('SERVICE_ACCOUNT', 'default'),
    address: of('INSTANCE_IP'),
    trustDomain: of('TRUST_DOMAIN', 'cluster.local'),
    tap: flags.text('tap'),
    ...{ adminAddress: flags.text('admin-address'), accessLog: flags.text('access-log') !== '' },
  };
}

export const ownIdentity = ({ trustDomain, namespace, serviceAccount }: ProxyConfig): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;

export const proxyFlags = [
  { name: 'mode', value: 'MODE', default: 'shared', help: 'shared (one for a node), gateway (east-west)' },
  {
    name: 'capture',
    value: 'HOW',
    default: 'loopback',
    help: 'loopback: listen on addresses of 127.0.0.0/8 only',
  },
  {
    name: 'admin-address',
    value: 'ADDRESS',
    help: 'where admin (15000), metrics (15020) and readiness (15021) listen',
  },
  {
    name: 'access-log',
    value: 'WHERE',
    default: '',
    help: '- writes a line for each connection to standard output',
  },
  {
    name: 'tap',
    value: 'FILE',
    default: '',
    help: 'debug, gateway only: append every byte that passes to this file',
  },
  { name: 'log-level', value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  { name: 'parent-pipe', help: 'end when standard input ends' },
] as const;
