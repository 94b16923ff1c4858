import type {
  AuthorizationPolicyObject,
  PeerAuthenticationObject,
  PodObject,
} from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import { forL4 } from '../translate/l4/reduce-policy.ts';
import { isOfNamespace, isOfWorkload } from '../translate/peer-authentications.ts';
import type { NamespaceObjects } from '../view/namespaces.ts';
import { PodsByLabel, selectionOf, type Selection } from './selection.ts';

/** An older PeerAuthentication of the same scope holds in its place. */
export interface Shadow {
  /** `<namespace>/<name>` of those that hold. */
  readonly by: readonly string[];
  /** Workloads that it selects and for which it does not hold; undefined: it holds for none at all. */
  readonly of: number | undefined;
}

/** A policy, and what it meets. */
export interface Effect {
  readonly policy: AuthorizationPolicyObject | PeerAuthenticationObject;
  readonly selection: Selection;
  readonly shadow: Shadow | undefined;
}

/** What the policies of one namespace meet there, and what those of the root namespace do. */
export interface NamespaceEffects {
  readonly own: readonly Effect[];
  /** By policy, those that reach into this namespace from the root namespace. */
  readonly fromRoot: ReadonlyMap<Effect['policy'], Selection>;
}

/** Policies of the root namespace that mean every namespace. */
export const reachingOut = ({ authorizations, peers }: NamespaceObjects): readonly Effect['policy'][] => [
  ...authorizations.filter(forL4),
  ...peers.filter(isOfNamespace),
];

/** `root`: `reachingOut` of the root namespace. */
export function namespaceEffects(
  here: NamespaceObjects,
  root: readonly Effect['policy'][],
): NamespaceEffects {
  const pods = new PodsByLabel(here.pods);
  const selection = ({ selector }: Effect['policy']) => selectionOf(here, pods.selectedBy(selector));
  const shadows = shadowsAmong(here.peers, pods);
  const own = [...here.authorizations.filter(forL4), ...here.peers].map((policy) => ({
    policy,
    selection: selection(policy),
    shadow: policy.kind === 'PeerAuthentication' ? shadows.get(policy) : undefined,
  }));
  return { own, fromRoot: new Map(root.map((policy) => [policy, selection(policy)])) };
}

type Peer = PeerAuthenticationObject;

/** Those that do not hold where they select, by the rule of `peerAuthentications`. */
function shadowsAmong(peers: readonly Peer[], pods: PodsByLabel): ReadonlyMap<Peer, Shadow> {
  const sorted = [...peers].sort(byPrecedence);
  const [holds, ...rest] = sorted.filter(isOfNamespace);
  const ofNamespace = rest.map((one): [Peer, Shadow] => [
    one,
    { by: holds ? [nameOf(holds)] : [], of: undefined },
  ]);
  const taken = new Map<PodObject, Peer>();
  const ofWorkloads: [Peer, Shadow][] = [];
  for (const one of sorted.filter(isOfWorkload)) {
    const selected = pods.selectedBy(one.selector);
    const others = selected.flatMap((pod) => taken.get(pod) ?? []);
    for (const pod of selected) if (!taken.has(pod)) taken.set(pod, one);
    if (others.length === 0) continue;
    const by = [...new Set(others.map(nameOf))];
    ofWorkloads.push([one, { by, of: others.length === selected.length ? undefined : others.length }]);
  }
  return new Map([...ofNamespace, ...ofWorkloads]);
}

/** A selector in the root namespace means nothing in a PeerAuthentication, to istiod as here. */
export const isIgnored = (policy: Effect['policy']): boolean =>
  policy.kind === 'PeerAuthentication' && !isOfNamespace(policy) && !isOfWorkload(policy);

/** Whether it means more than its own namespace. */
export const isOfMesh = (policy: Effect['policy']): boolean =>
  policy.metadata.namespace === rootNamespace && !isIgnored(policy);

export const nameOf = ({ metadata: { namespace, name } }: Effect['policy']): string => `${namespace}/${name}`;
