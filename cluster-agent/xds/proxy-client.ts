import type { SharedProxy } from '@isthmus/api/domain/replica.ts';
import type { DiscoveryNode } from '@isthmus/api/wire/discovery.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { clientId, podKey, type ClientId } from '../keys/names.ts';

const kinds = ['ztunnel', 'router', 'sidecar', 'waypoint'] as const;

/** Who a call's token proves its caller to be. */
export interface XdsCaller {
  readonly namespace: string;
  /** The pod that the token is bound to, if it is. */
  readonly pod?: { readonly name: string; readonly uid: string };
}

/** A proxy as its node says, as far as its token confirms it. */
export interface ProxyClient {
  /** `<kind>/<namespace>/<pod>`: a pod has one stream of a kind, whatever else its node says. */
  readonly id: ClientId;
  readonly kind: (typeof kinds)[number];
  readonly namespace: string;
  readonly pod: string;
  /** `<namespace>/<pod>`: what allocations for this proxy are named by. */
  readonly key: string;
  readonly nodeName: string;
  /** The version of a proxy of ours, which receives more; '' for Istio's own proxies. */
  readonly version: string;
  /** The version that Istio's own proxies name; '' for none. */
  readonly upstreamVersion: string;
}

/** A proxy as another replica of the agent says, which has checked its token; undefined for what is no id of a proxy. */
export function clientOf({ id, node, version, upstreamVersion }: SharedProxy): ProxyClient | undefined {
  const [kindText = '', namespace = '', pod = '', ...more] = id.split('/');
  const kind = kinds.find((known) => known === kindText);
  if (!kind || namespace === '' || pod === '' || more.length > 0) return undefined;
  return {
    id: clientId(kind, { namespace, name: pod }),
    kind,
    namespace,
    pod,
    key: podKey({ namespace, name: pod }),
    nodeName: node,
    version,
    upstreamVersion,
  };
}

/** Why a node is not believed. */
export interface NodeProblem {
  readonly kind: 'unreadable' | 'not the callers';
  readonly message: string;
}

/**
 * Reads `<kind>~<ip>~<pod>.<namespace>~<domain>` and the metadata (Istio's node ids). A ztunnel that was configured with neither
 * POD_NAME nor POD_NAMESPACE leaves both out: its token says them then.
 */
export function parseProxyClient(node: DiscoveryNode, caller: XdsCaller): Result<ProxyClient, NodeProblem> {
  const shown = node.id.slice(0, 200);
  const parts = node.id.split('~');
  const [kindText, , podText] = parts;
  const kind = kinds.find((known) => known === kindText);
  // A pod's name may have dots, a namespace's may not.
  const dot = podText?.lastIndexOf('.') ?? -1;
  if (kind === undefined || parts.length !== 4 || podText === undefined || dot < 0)
    return unreadable(
      `node id '${shown}' is not <kind>~<ip>~<pod>.<namespace>~<domain>, kind being one of ${kinds.join(', ')}`,
    );
  const pod = podText.slice(0, dot) || (caller.pod?.name ?? '');
  const namespace = podText.slice(dot + 1) || caller.namespace;
  if (pod === '') return unreadable(`node id '${shown}' names no pod, and the token is bound to none`);
  const problem = contradiction(node, { namespace, pod }, caller);
  if (problem) return err(problem);
  return ok({
    id: clientId(kind, { namespace, name: pod }),
    kind,
    namespace,
    pod,
    key: podKey({ namespace, name: pod }),
    nodeName: text(node, 'NODE_NAME'),
    version: text(node, 'ISTHMUS_VERSION'),
    upstreamVersion: text(node, 'ISTIO_VERSION'),
  });
}

const unreadable = (message: string) => err({ kind: 'unreadable' as const, message });

/** What the node says of itself twice and differently, or against its token. */
function contradiction(
  node: DiscoveryNode,
  { namespace, pod }: Pick<ProxyClient, 'namespace' | 'pod'>,
  caller: XdsCaller,
): NodeProblem | undefined {
  const said = text(node, 'NAMESPACE');
  if (said !== '' && said !== namespace)
    return { kind: 'unreadable', message: `the node is in namespace ${namespace}, its metadata say ${said}` };
  if (namespace !== caller.namespace)
    return foreign(`node id names namespace ${namespace}, the token belongs to ${caller.namespace}`);
  if (caller.pod && caller.pod.name !== pod)
    return foreign(`node id names pod ${pod}, the token belongs to ${caller.pod.name}`);
  return undefined;
}

const foreign = (message: string): NodeProblem => ({ kind: 'not the callers', message });

function text({ metadata }: DiscoveryNode, name: string): string {
  const value = Object.hasOwn(metadata, name) ? metadata[name] : '';
  return typeof value === 'string' ? value : '';
}
