import type { MtlsMode, PeerAuthenticationObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Authorization, Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';
import type { Change } from '../keys/change-set.ts';
import { policyKey, type PolicyKey, type Ref } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import { selects } from '../view/selectors.ts';
import type { Derivation, Fold } from './derivation.ts';

/** What a workload's callers must prove, as the policies that its proxy enforces. */
export interface PeerDemand {
  /** Plaintext is refused on every port. */
  readonly strict: boolean;
  /** Names of the policies that say so. */
  readonly keys: readonly string[];
}

/** What the PeerAuthentications of a namespace demand. */
export interface Demands {
  /** Of a workload that none selects. */
  readonly bare: PeerDemand;
  /** In order of precedence: the first that selects a workload counts. */
  readonly selecting: readonly {
    readonly selector: PeerAuthenticationObject['selector'];
    readonly demand: PeerDemand;
  }[];
  /** Policies that proxies enforce for them. */
  readonly authorizations: readonly Authorization[];
}

/** Istio's name for the policy that STRICT attaches to a workload. */
export const strictKey = `${rootNamespace}/istio_converted_static_strict`;

const withoutIdentity = match({ notPrincipals: [{ kind: 'presence' }] });

export const strict: Authorization = {
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

interface Inputs {
  readonly namespace: string;
  /** Of the namespace, in order of precedence. */
  readonly own: readonly PeerAuthenticationObject[];
  /** What the mesh demands, with what the root namespace leaves open filled in. */
  readonly mesh: MtlsMode;
}

/**
 * A namespace's PeerAuthentications as istiod converts them for ztunnel (pilot/pkg/serviceregistry/ambient). The
 * workload's holds before the namespace's, and that before the mesh's; at each level the oldest, and UNSET is what the
 * next level says. A selector in the root namespace is ignored. Those of the root namespace hold where there are none.
 */
export const demands: Derivation<string, Inputs, Demands> = {
  name: 'demands',
  reads: new Set(['peers']),
  *keys({ view }) {
    yield rootNamespace;
    for (const { metadata } of view.all('PeerAuthentication')) yield metadata.namespace;
  },
  *wakes(touched, _forms, { view }) {
    if (touched.kind !== 'peers') return;
    yield touched.namespace;
    // What the mesh demands is in what each namespace demands.
    if (touched.namespace === rootNamespace)
      for (const { metadata } of view.all('PeerAuthentication')) yield metadata.namespace;
  },
  inputs(namespace, { view }) {
    const own = view.policies.peers.ofNamespace(namespace);
    if (own.length === 0 && namespace !== rootNamespace) return undefined;
    const root = view.policies.peers.ofNamespace(rootNamespace);
    return { namespace, own, mesh: inherit(bareModeOf(root), 'PERMISSIVE') };
  },
  derive({ namespace, own, mesh }) {
    const bare = namespace === rootNamespace ? mesh : inherit(bareModeOf(own), mesh);
    const converted = own.filter(isOfWorkload).map((policy) => ({ policy, ...convert(policy, bare) }));
    return {
      bare: bare === 'STRICT' ? closed : open,
      selecting: converted.map(({ policy: { selector }, demand }) => ({ selector, demand })),
      authorizations: converted.flatMap(({ own }) => own),
    };
  },
  touches: (namespace) => [{ kind: 'demands', namespace }],
};

const bareModeOf = (all: readonly PeerAuthenticationObject[]): MtlsMode =>
  all.find(isOfNamespace)?.mode ?? 'UNSET';

/** What is demanded of the callers of one pod. */
export const demandOf = (demands: Demands | undefined, { metadata: { labels } }: PodObject): PeerDemand =>
  demands?.selecting.find(({ selector }) => selects(selector, labels))?.demand ?? demands?.bare ?? open;

/** The policies of all namespaces by their names. */
export class ConvertedPeers implements Fold<string, Demands> {
  readonly #byName = new Map<string, Authorization>();

  get(name: string): Authorization | undefined {
    return this.#byName.get(name);
  }

  take(_namespace: string, { before, after }: Change<Demands>): Iterable<Touched> {
    const policies = new Set<PolicyKey>();
    for (const one of before?.authorizations ?? []) {
      this.#byName.delete(one.key);
      policies.add(policyKey(one));
    }
    for (const one of after?.authorizations ?? []) {
      this.#byName.set(one.key, one);
      policies.add(policyKey(one));
    }
    return [...policies].map((policy) => ({ kind: 'authorization', policy }));
  }
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
  const { namespace } = policy.metadata;
  const authorization: Authorization = {
    key: convertedKey(policy.metadata),
    name: convertedName(policy.metadata.name),
    namespace,
    scope: 'WORKLOAD_SELECTOR',
    action: 'DENY',
    dryRun: false,
    rules: isStrict ? [everywhereBut(unlike)] : unlike.map(onPort),
  };
  return { demand: { strict: false, keys: [authorization.key] }, own: [authorization] };
}

/** `_` cannot stand in a Kubernetes name, so no AuthorizationPolicy can have this one. */
const convertedName = (name: string): string => `converted_peer_authentication_${name}`;

/** The name that proxies have for the policy of a PeerAuthentication that says more than the static one. */
export const convertedKey = ({ namespace, name }: Ref): PolicyKey =>
  policyKey({ namespace, name: convertedName(name) });

const everywhereBut = (ports: readonly number[]): Rule => [
  [withoutIdentity],
  ...ports.map((port) => [match({ notDestinationPorts: [port] })]),
];

const onPort = (port: number): Rule => [[{ ...withoutIdentity, destinationPorts: [port] }]];
