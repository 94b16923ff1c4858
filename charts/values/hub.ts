import { podValues } from './shared.ts';
import {
  flag,
  listOf,
  matching,
  object,
  objects,
  oneOf,
  text,
  value,
  wholeNumber,
  type Value,
} from './value.ts';

/** IPv6 addresses stand in brackets. */
const hostPorts = listOf(matching('^(\\[[0-9a-fA-F:.]+\\]|[^\\s:,\\[\\]]+):[0-9]{1,5}$'));
const domain = matching('^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$');

export const hubValues: readonly Value[] = [
  value(
    'hub.id',
    'hub',
    domain,
    'Names this hub in the certificates of agents. It cannot change once a cluster has joined.',
  ),
  value(
    'hub.trustDomain',
    'cluster.local',
    domain,
    'The trust domain of the federation, made at the first start. It cannot change afterwards.',
  ),
  value(
    'hub.urls.link',
    [],
    hostPorts,
    'Where agents reach the link of this hub, as `HOST:PORT`. Empty: the hub reads the addresses from its Service (`service`). Set both lists where a proxy or a DNS name of your own stands before the hub.',
  ),
  value(
    'hub.urls.join',
    [],
    hostPorts,
    'Where clusters that join reach this hub, as `HOST:PORT`. Empty: as for `hub.urls.link`.',
  ),
  value(
    'hub.exportByLabel',
    false,
    flag,
    'What the label `istio.io/global=true` on a Service means. `false`: nothing; a service is exported to other clusters by `isthmus export` only, and each export is in the audit log. `true`: everyone who may label a Service in a cluster may export it under its namespace and name, and where several clusters export one name, its traffic goes to all of them.',
  ),
  value(
    'hub.exports',
    'open',
    oneOf('open', 'strict'),
    '`strict`: a second cluster that exports an existing name by label waits for `isthmus approve-export`.',
  ),
  value(
    'hub.clusterLimits',
    '',
    matching('^([A-Za-z]+=[0-9]+(,[A-Za-z]+=[0-9]+)*)?$'),
    'What one cluster may report, over the defaults: `services=8000,endpoints=80000`.',
  ),
  value(
    'hub.epochAbove',
    0,
    wholeNumber(0, Number.MAX_SAFE_INTEGER),
    'After a backup was restored: the highest epoch that agents have seen, which they name when they refuse the hub.',
  ),
  value(
    'api.tlsSecretName',
    '',
    matching('^[a-z0-9.-]*$'),
    'A Secret of type `kubernetes.io/tls`, for GraphQL over TLS inside the cluster at `isthmus-hub.NAMESPACE.svc:8080`; a renewed certificate is taken without a restart. Empty: GraphQL is on loopback in the pod, where only `kubectl port-forward` reaches it.',
  ),
  value(
    'api.allowFrom',
    [],
    objects,
    'Peers of the NetworkPolicy that may reach GraphQL over TLS: `[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}]`. Pods of this namespace always may.',
  ),
  value(
    'service.type',
    'LoadBalancer',
    oneOf('LoadBalancer', 'NodePort', 'ClusterIP'),
    'The type of the Service before the link and join ports. With another type than `LoadBalancer` set `hub.urls`.',
  ),
  value(
    'service.internal',
    false,
    flag,
    'Ask for a load balancer that only the private network reaches, by the annotations of the profile `gke`, `eks` or `aks`. `false`: one that the internet reaches.',
  ),
  value('service.annotations', {}, object, 'Annotations of that Service, merged over those of the profile.'),
  value(
    'service.loadBalancerClass',
    '',
    text,
    'Which load balancer serves it; empty: the one of the cluster.',
  ),
  value(
    'service.loadBalancerSourceRanges',
    [],
    listOf(matching('^[0-9a-fA-F.:]+/[0-9]{1,3}$')),
    'CIDRs from which the load balancer takes connections.',
  ),
  value(
    'service.externalTrafficPolicy',
    'Cluster',
    oneOf('Cluster', 'Local'),
    '`Local` keeps the addresses of agents, by which the hub limits connections that are not authenticated yet.',
  ),
  value('service.linkPort', 15101, wholeNumber(1, 65_535), 'The port of the link at the Service.'),
  value('service.joinPort', 15102, wholeNumber(1, 65_535), 'The join port at the Service.'),
  value(
    'persistence.storageClassName',
    '',
    text,
    'The storage class of the volume with the store, the sealing key and the CA keys. Empty: the default of the cluster.',
  ),
  value(
    'persistence.size',
    '1Gi',
    matching('^[0-9]+(\\.[0-9]+)?(M|Mi|G|Gi|T|Ti)$'),
    'The size of that volume.',
  ),
  value('persistence.annotations', {}, object, 'Annotations of its PersistentVolumeClaim.'),
  value(
    'networkPolicy.enabled',
    true,
    flag,
    'Make a NetworkPolicy: link and join are open, metrics to all pods of the cluster.',
  ),
  ...podValues('the hub', { memory: '256Mi', limit: '1Gi' }),
  value('topologySpreadConstraints', [], objects, 'How its pod is spread. The hub has one pod.'),
];
