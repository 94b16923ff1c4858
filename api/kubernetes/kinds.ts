import { nearest } from './near.ts';

/** What Isthmus makes of an object by its apiVersion and kind. */
export type Recognised =
  /** One that is used, with the version by which it is decoded. */
  | { readonly is: 'used'; readonly kind: string; readonly group: string }
  /** One that is not. */
  | { readonly is: 'other' }
  /** Nothing that exists, and it looks like one that is used. */
  | {
      readonly is: 'misspelt';
      readonly field: 'kind' | 'apiVersion';
      readonly written: string;
      /** Undefined when nothing is near. */
      readonly meant: string | undefined;
      /** The kind that is meant. */
      readonly kind: string | undefined;
    };

/** A group of the API whose objects are used. */
interface Group {
  readonly name: string;
  /** The newest first. */
  readonly versions: readonly string[];
  readonly used: readonly string[];
  /** The others of the group, so that a name that is near to one that is used is not taken for a mistake. */
  readonly others: readonly string[];
  /** Anything else of the group is a mistake: a security policy must not pass for a kind that is not used. */
  readonly isClosed?: true;
}

const groups: readonly Group[] = [
  {
    name: '',
    versions: ['v1'],
    used: ['Namespace', 'Node', 'Pod', 'Service', 'ServiceAccount'],
    others: [
      ...['Binding', 'ComponentStatus', 'Config', 'ConfigMap', 'Endpoints', 'Event', 'LimitRange', 'List'],
      ...['PersistentVolume', 'PersistentVolumeClaim', 'PodTemplate', 'ReplicationController'],
      ...['ResourceQuota', 'Secret', 'Status'],
      ...['NamespaceList', 'NodeList', 'PodList', 'ServiceList', 'ServiceAccountList'],
    ],
  },
  {
    name: 'discovery.k8s.io',
    versions: ['v1', 'v1beta1'],
    used: ['EndpointSlice'],
    others: ['EndpointSliceList'],
  },
  {
    name: 'security.istio.io',
    versions: ['v1', 'v1beta1'],
    used: ['AuthorizationPolicy', 'PeerAuthentication'],
    others: [
      ...['RequestAuthentication', 'AuthorizationPolicyList', 'PeerAuthenticationList'],
      'RequestAuthenticationList',
    ],
    isClosed: true,
  },
  {
    name: 'networking.istio.io',
    versions: ['v1', 'v1beta1', 'v1alpha3'],
    used: ['ServiceEntry', 'WorkloadEntry'],
    others: [
      ...['DestinationRule', 'EnvoyFilter', 'Gateway', 'ProxyConfig', 'Sidecar'],
      ...['VirtualService', 'WorkloadGroup', 'WorkloadEntryList'],
      ...['DestinationRuleList', 'EnvoyFilterList', 'GatewayList', 'ProxyConfigList', 'ServiceEntryList'],
      ...['SidecarList', 'VirtualServiceList', 'WorkloadGroupList'],
    ],
  },
  {
    name: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1'],
    used: ['Gateway', 'GatewayClass'],
    others: [
      ...['BackendTLSPolicy', 'GRPCRoute', 'HTTPRoute', 'ListenerSet', 'ReferenceGrant', 'TCPRoute'],
      ...['TLSRoute', 'UDPRoute', 'GatewayList', 'GatewayClassList'],
    ],
  },
  {
    name: 'multicluster.x-k8s.io',
    versions: ['v1beta1', 'v1alpha1'],
    used: ['ServiceExport'],
    others: ['ServiceImport', 'ServiceExportList', 'ServiceImportList'],
  },
];

/** Groups of Kubernetes in which somebody may look for a kind of the core group. */
const builtIn: ReadonlySet<string> = new Set([
  'apps',
  'autoscaling',
  'batch',
  'core',
  'extensions',
  'policy',
]);

/** The versions of a group by which its objects are decoded, the newest first; none of a group that is not used. */
export const versionsOf = (group: string): readonly string[] =>
  groups.find(({ name }) => name === group)?.versions ?? [];

/** Every kind that is used, with its group. */
export const usedKinds = (): readonly { readonly group: string; readonly kind: string }[] =>
  groups.flatMap(({ name, used }) => used.map((kind) => ({ group: name, kind })));

export function recognise(apiVersion: string, kind: string): Recognised {
  const [group, version] = groupOf(apiVersion);
  const known = groups.find(({ name }) => name === group);
  const inKnown = known && inGroup(known, version, kind);
  // Istio has its kinds in several groups, so one that its group does not have may be meant in another.
  if (inKnown && (inKnown.is !== 'other' || known.others.includes(kind))) return inKnown;
  const meant = groups.find(({ used }) => used.includes(kind));
  if (meant && isMistaken(group, meant)) return misspeltVersion(apiVersion, meant, kind);
  // Both are wrong: the group is near to one that is used, and so is the kind.
  const name = nearest(
    group,
    groups.map((one) => one.name).filter((one) => one !== ''),
  );
  const close = groups.find((one) => one.name === name);
  const near = close && nearest(kind, [...close.used, ...close.others]);
  return close && near !== undefined && close.used.includes(near)
    ? misspeltVersion(apiVersion, close, near)
    : { is: 'other' };
}

function inGroup(group: Group, version: string, kind: string): Recognised {
  const apiVersion = group.name === '' ? version : `${group.name}/${version}`;
  if (group.used.includes(kind))
    return group.versions.includes(version)
      ? { is: 'used', kind, group: group.name }
      : misspeltVersion(apiVersion, group, kind);
  if (group.others.includes(kind)) return { is: 'other' };
  const meant = nearest(kind, [...group.used, ...group.others]);
  if (meant !== undefined && group.used.includes(meant))
    return { is: 'misspelt', field: 'kind', written: kind, meant, kind: meant };
  return group.isClosed
    ? { is: 'misspelt', field: 'kind', written: kind, meant: undefined, kind: undefined }
    : { is: 'other' };
}

/** Another group may have a kind of the same name. */
const isMistaken = (group: string, meant: Group): boolean =>
  meant.name === ''
    ? builtIn.has(group)
    : nearest(group, [meant.name]) !== undefined || domainOf(group) === domainOf(meant.name);

/** `istio.io` of `networking.istio.io`. */
const domainOf = (group: string): string => group.split('.').slice(-2).join('.');

function misspeltVersion(written: string, { name, versions }: Group, kind: string): Recognised {
  const meant = name === '' ? 'v1' : `${name}/${versions[0] ?? 'v1'}`;
  return { is: 'misspelt', field: 'apiVersion', written, meant, kind };
}

function groupOf(apiVersion: string): readonly [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}
