import type { MtlsMode, PeerAuthenticationObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import type { Authorization, Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { rootNamespace } from './input.ts';

/** What a workload's callers must prove, as the policies that its proxy enforces. */
export interface PeerDemand {
  /** Plaintext is refused on every port. */
  readonly strict: boolean;
  /** Names of the policies that say so. */
  readonly keys: readonly string[];
}

export interface PeerAuthentications {
  /** Every policy that a workload may name. */
  readonly authorizations: readonly Authorization[];
  readonly of: (pod: PodObject) => PeerDemand;
}

/** Istio's name for the policy that STRICT attaches to a workload. */
const strictKey = `${rootNamespace}/istio_converted_static_strict`;

const withoutIdentity = match({ notPrincipals: [{ kind: 'presence' }] });

const strict: Authorization = {
  key: strictKey,
  name: 'istio_converted_static_strict',
  namespace: rootNamespace,
  scope: 'WORKLOAD_SELECTOR',
  action: 'DENY',
  dryRun: false,
  rules: [[[withoutIdentity]]],
};

const open: PeerDemand = { strict: false, keys: [] };
const closed: PeerDemand = { strict: true, keys: [strictKey] };

/**
 * A cluster's PeerAuthentications as istiod converts them for ztunnel (pilot/pkg/serviceregistry/ambient). The workload's
 * holds before the namespace's, and that before the mesh's; at each level the oldest, and UNSET is what the next level
 * says. A selector in the root namespace is ignored.
 */
export function peerAuthentications(view: ClusterView): PeerAuthentications {
  const all = [...view.all('PeerAuthentication')].sort(byPrecedence);
  const bare = (namespace: string) =>
    view.policies.peers.ofNamespace(namespace).find(isOfNamespace)?.mode ?? 'UNSET';
  const mesh = inherit(bare(rootNamespace), 'PERMISSIVE');
  const modeOf = (namespace: string) => (namespace === rootNamespace ? mesh : inherit(bare(namespace), mesh));
  const converted = new Map(
    all.filter(isOfWorkload).map((one) => [one, convert(one, modeOf(one.metadata.namespace))]),
  );
  return {
    authorizations: [
      ...(all.length > 0 ? [strict] : []),
      ...[...converted.values()].flatMap(({ own }) => own),
    ],
    of(pod) {
      const own = view.policies.peersOf(pod).find(isOfWorkload);
      const demand = own && converted.get(own)?.demand;
      return demand ?? (modeOf(pod.metadata.namespace) === 'STRICT' ? closed : open);
    },
  };
}

/** What stands in for one in the root namespace whose selector cannot be read is taken for the mesh's. */
export const isOfNamespace = ({ level, metadata, selector }: PeerAuthenticationObject): boolean =>
  level === 'NAMESPACE' || (metadata.namespace === rootNamespace && Object.keys(selector).length === 0);

export const isOfWorkload = ({ level, metadata }: PeerAuthenticationObject): boolean =>
  level === 'WORKLOAD' && metadata.namespace !== rootNamespace;

const inherit = (mode: MtlsMode, above: MtlsMode): MtlsMode => (mode === 'UNSET' ? above : mode);

interface Converted {
  readonly demand: PeerDemand;
  readonly own: readonly Authorization[];
}

/**
 * What a workload's PeerAuthentication asks for. A DENY that matches cannot be undone by another policy, so where STRICT
 * has ports that are not, one policy with these exceptions takes the place of the static one.
 */
function convert(policy: PeerAuthenticationObject, above: MtlsMode): Converted {
  const isStrict = inherit(policy.mode, above) === 'STRICT';
  const unlike = [...policy.ports]
    .filter(([, mode]) => (mode === 'STRICT') !== isStrict)
    .map(([port]) => port);
  if (unlike.length === 0) return { demand: isStrict ? closed : open, own: [] };
  const { namespace, name } = policy.metadata;
  // `_` cannot stand in a Kubernetes name, so no AuthorizationPolicy can have this one.
  const converted = `converted_peer_authentication_${name}`;
  const authorization: Authorization = {
    key: `${namespace}/${converted}`,
    name: converted,
    namespace,
    scope: 'WORKLOAD_SELECTOR',
    action: 'DENY',
    dryRun: false,
    rules: isStrict ? [everywhereBut(unlike)] : unlike.map(onPort),
  };
  return { demand: { strict: false, keys: [authorization.key] }, own: [authorization] };
}

const everywhereBut = (ports: readonly number[]): Rule => [
  [withoutIdentity],
  ...ports.map((port) => [match({ notDestinationPorts: [port] })]),
];

const onPort = (port: number): Rule => [[{ ...withoutIdentity, destinationPorts: [port] }]];
