import type { DiscoveryNode } from '@isthmus/api/wire/discovery.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

const kinds = ['ztunnel', 'router', 'sidecar', 'waypoint'] as const;

/** A proxy as its node says. Its namespace is checked against its token; nothing else of it grants anything. */
export interface ProxyClient {
  readonly id: string;
  readonly kind: (typeof kinds)[number];
  readonly namespace: string;
  readonly pod: string;
  /** `<namespace>/<pod>`: what allocations for this proxy are named by. */
  readonly key: string;
  readonly nodeName: string;
  /** One of ours, which is told more; its version. '' for Istio's own proxies. */
  readonly version: string;
}

/** Reads `<kind>~<ip>~<pod>.<namespace>~<domain>` and the metadata (Istio's node ids). */
export function parseProxyClient(node: DiscoveryNode): Result<ProxyClient, string> {
  const parts = node.id.split('~');
  const [kindText, , podText] = parts;
  const kind = kinds.find((known) => known === kindText);
  if (kind === undefined || parts.length !== 4 || podText === undefined)
    return err(
      `node id '${node.id.slice(0, 200)}' is no <kind>~<ip>~<pod>.<namespace>~<domain>, kind being one of ${kinds.join(', ')}`,
    );
  // A pod's name may have dots, a namespace's may not.
  const dot = podText.lastIndexOf('.');
  const pod = podText.slice(0, Math.max(dot, 0));
  const namespace = podText.slice(dot + 1);
  if (pod === '' || namespace === '')
    return err(`node id '${node.id.slice(0, 200)}' names no pod and namespace`);
  const said = text(node, 'NAMESPACE');
  if (said !== '' && said !== namespace)
    return err(`node id says namespace ${namespace}, its metadata ${said}`);
  const nodeName = text(node, 'NODE_NAME');
  return ok({
    id: node.id,
    kind,
    namespace,
    pod,
    key: `${namespace}/${pod}`,
    nodeName,
    version: text(node, 'ISTHMUS_VERSION'),
  });
}

function text({ metadata }: DiscoveryNode, name: string): string {
  const value = Object.hasOwn(metadata, name) ? metadata[name] : '';
  return typeof value === 'string' ? value : '';
}
