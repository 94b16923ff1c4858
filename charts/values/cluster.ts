import { podValues } from './shared.ts';
import { flag, listOf, matching, objects, text, value, wholeNumber, type Value } from './value.ts';

const name = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

const spread = (topologyKey: string): object => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'ScheduleAnyway',
});

export const clusterValues: readonly Value[] = [
  value(
    'cluster.name',
    '',
    matching(`^(${name})?$`),
    'The name under which this cluster joins, as in `isthmus token NAME`. Required.',
  ),
  value(
    'joinToken',
    '',
    text,
    'The join token. It counts once; with Helm it stays in the release, where it is worth nothing after the join.',
  ),
  value(
    'joinTokenSecret',
    '',
    matching('^[a-z0-9.-]*$'),
    'The name of a Secret of this namespace that has the join token under the key `token`, in place of `joinToken`: for GitOps.',
  ),
  value(
    'trustDomain',
    'cluster.local',
    matching('^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$'),
    'The trust domain until the hub has assigned one.',
  ),
  value(
    'replicas',
    2,
    wholeNumber(1, 9),
    'How many agents serve the proxies of this cluster at once. One of them writes and reports.',
  ),
  value(
    'xds.names',
    [],
    listOf(matching('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')),
    'Further DNS names under which proxies reach the agent, such as `istiod.istio-system.svc`; its certificate has them beside the names of its Service.',
  ),
  value(
    'nodeProxyAccounts',
    [],
    listOf(matching('^[a-z0-9.-]+/[a-z0-9.-]+$')),
    'ServiceAccounts, as `NAMESPACE/NAME`, of the ztunnels that serve a node, which alone get certificates of its pods. Empty: `istio-system/ztunnel` and `ztunnel` of this namespace.',
  ),
  value(
    'remoteServiceAddresses',
    '240.0.0.0/12',
    matching('^[0-9.]+/[0-9]{1,2}$'),
    'IPv4 block of the addresses of services that are only in other clusters. Nothing else of the cluster may use it.',
  ),
  value(
    'networkPolicy.enabled',
    true,
    flag,
    'Make a NetworkPolicy: xDS and metrics are open to all pods and nodes of the cluster.',
  ),
  ...podValues('the agent', { memory: '256Mi', limit: '1Gi' }),
  value(
    'topologySpreadConstraints',
    [spread('kubernetes.io/hostname'), spread('topology.kubernetes.io/zone')],
    objects,
    'How its pods are spread over nodes and zones; the selector of its pods is added.',
  ),
];
