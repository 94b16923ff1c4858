import type { TranslateInput } from '../translate/input.ts';
import { isGateway } from '../translate/gateways.ts';
import { modeOf } from '../view/mode.ts';
import { isNodeProxy } from '../view/node-proxy.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ProxyClient, XdsCaller } from './proxy-client.ts';

/**
 * Why a caller may have no proxy's stream: what has one sees the whole mesh, and until it has acknowledged a thing
 * that is not in force everywhere. Its pod has to be here, with the uid of its token, and be what such a proxy
 * serves. Undefined when it may, and for as long as the cluster is not listed, as nothing is sent before that.
 */
export function refusalOf(input: TranslateInput, client: ProxyClient, caller: XdsCaller): string | undefined {
  if (!input.view.synced) return undefined;
  const pod = input.view.get('Pod', client.namespace, client.pod);
  if (!pod || pod.finished || (caller.pod && caller.pod.uid !== pod.metadata.uid))
    return `pod ${client.key} is not in this cluster as the token says`;
  return serves(input, client, pod) ? undefined : `pod ${client.key} is none that a ${client.kind} serves`;
}

/**
 * Whether a client is a proxy in the eyes of the cluster, so that what it has not acknowledged is not in force: a node's
 * proxy, a gateway, or the sidecar of a pod. A pod that any user may have created is none, though it may have a stream
 * of its own as Istio's dedicated ztunnel: it would hold up the whole federation by acknowledging nothing.
 */
export function countsAsProxy(input: TranslateInput, { kind, namespace, pod }: ProxyClient): boolean {
  const known = input.view.get('Pod', namespace, pod);
  return known !== undefined && (kind !== 'ztunnel' || isNodeProxy(known));
}

function serves(input: TranslateInput, { kind }: ProxyClient, pod: PodObject): boolean {
  switch (kind) {
    case 'ztunnel':
      // Istio's ztunnel serves a node, or as its `dedicated` mode the one pod whose token it has.
      return isNodeProxy(pod) || modeOf(input.view, pod) !== 'NONE';
    case 'router':
      return isGateway(input, pod);
    case 'sidecar':
      return modeOf(input.view, pod) === 'SIDECAR';
    case 'waypoint':
      return false;
  }
}
