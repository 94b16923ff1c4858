import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Flag, Flags } from '@isthmus/mesh/process/flags.ts';
import { hostOf, hostPort } from '@isthmus/mesh/net/host-port.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { RuntimeOptions } from './agent-options.ts';
import { reservedBlock } from './kept/reserved-block.ts';
import { bindWithin } from './source/files/port-trials.ts';
import { istiosAccount, type NodeProxyAccounts } from './view/node-proxy.ts';

/** Where the cluster runs: `--manifests` and `--addresses` say files, `--kubernetes` an API server. */
export const runtimeFlags: readonly Flag[] = [
  {
    name: 'manifests',
    value: 'DIR',
    default: '',
    help: 'folder of Kubernetes and Istio YAML that is this cluster; with --addresses, in place of --kubernetes',
  },
  {
    name: 'addresses',
    value: 'CIDR',
    default: '',
    help: 'a /20 of loopback addresses to allocate from; with --manifests',
  },
  {
    name: 'kubernetes',
    value: 'in-cluster|FILE',
    default: '',
    help: 'the cluster is that of the pod, or of the current context of a kubeconfig; in place of --manifests',
  },
  {
    name: 'namespace',
    value: 'NAME',
    default: '',
    help: 'namespace of the agent, where it keeps its state; by default that of its pod or kubeconfig; with --kubernetes',
  },
  {
    name: 'replica',
    value: 'NAME',
    default: 'main',
    help: 'name of this replica among those of the agent, that of its pod; with --kubernetes',
  },
  {
    name: 'replica-listen',
    value: 'HOST:PORT',
    default: '',
    help: 'where other replicas say what they know of their proxies, and by which they reach this one: the address of this pod; with --kubernetes, and without it there is one replica',
  },
  {
    name: 'remote-service-addresses',
    value: 'CIDR',
    default: '240.0.0.0/12',
    help: 'IPv4 block of the addresses of services that are only in other clusters; with --kubernetes',
  },
];

export const nodeProxyFlag: Flag = {
  name: 'node-proxy-account',
  value: 'NAMESPACE/NAME,…',
  default: '',
  help: 'service accounts of the ztunnels that serve a node, which alone get certificates of its pods; by default istio-system/ztunnel, and with --kubernetes also ztunnel in the namespace of the agent',
};

/** The error is one sentence for a person at a terminal. Throws `ApiFailure` for a kubeconfig that cannot be used. */
export async function runtimeOf(flags: Flags, clock: Clock): Promise<Result<RuntimeOptions, string>> {
  const { manifests, addresses, kubernetes } = {
    manifests: flags.text('manifests'),
    addresses: flags.text('addresses'),
    kubernetes: flags.text('kubernetes'),
  };
  if (kubernetes !== '')
    return manifests === '' && addresses === ''
      ? kubernetesOf(kubernetes, flags, clock)
      : err('--kubernetes is given in place of --manifests and --addresses');
  if (manifests === '') return err('--manifests or --kubernetes is required');
  if (addresses === '') return err('--addresses is required with --manifests');
  const tryBind = bindWithin(addresses);
  return ok({ kind: 'files', manifests, addresses, localAddress: flags.text('bind'), tryBind });
}

async function kubernetesOf(
  from: string,
  flags: Flags,
  clock: Clock,
): Promise<Result<RuntimeOptions, string>> {
  const remoteAddresses = reservedBlock(flags.text('remote-service-addresses'));
  if (!remoteAddresses.ok) return err(`--remote-service-addresses: ${remoteAddresses.error}`);
  // Who runs on files never loads it.
  const { kubeClient } = await import('@isthmus/api/kube/client.ts');
  const { server, namespace } = kubeClient(from, clock);
  return ok({
    kind: 'kubernetes',
    server,
    namespace: flags.text('namespace') || namespace,
    replica: flags.text('replica'),
    remoteAddresses: remoteAddresses.value,
  });
}

/** host:port, an IPv6 address in brackets and no other one; undefined: there is no other replica. */
export function replicaListenOf(flags: Pick<Flags, 'text' | 'address'>): string | undefined {
  const text = flags.text('replica-listen');
  return text === '' ? undefined : hostPort(hostOf(text), flags.address('replica-listen').port);
}

/** The error is one sentence for a person at a terminal. */
export function nodeProxyAccountsOf(
  flags: Flags,
  runtime: RuntimeOptions,
): Result<NodeProxyAccounts, string> {
  const text = flags.text(nodeProxyFlag.name);
  if (text === '') {
    const own = runtime.kind === 'kubernetes' ? [`${runtime.namespace}/ztunnel`] : [];
    return ok(new Set([istiosAccount, ...own]));
  }
  const accounts = text.split(',');
  const bad = accounts.find((account) => !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(account));
  return bad === undefined
    ? ok(new Set(accounts))
    : err(`--${nodeProxyFlag.name}: '${bad}' is not the NAMESPACE/NAME of a service account`);
}
