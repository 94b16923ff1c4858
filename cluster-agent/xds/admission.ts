import type { ChangeSet } from '../keys/change-set.ts';
import type { TranslateInput } from '../translate/input.ts';
import { modeOf } from '../view/mode.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ProxyClient, XdsCaller } from './proxy-client.ts';

/**
 * Returns the reason to reject an xDS stream, undefined to accept it. A client with a stream sees the whole mesh and
 * counts towards policy coverage, so its pod must exist, match the token's uid, and be of a kind that this proxy type
 * serves. Accepts every client until the cluster is listed, as nothing is sent before that.
 */
export function refusalOf(input: TranslateInput, client: ProxyClient, caller: XdsCaller): string | undefined {
  if (!input.view.synced) return undefined;
  const pod = input.view.get('Pod', client.namespace, client.pod);
  if (!pod || pod.finished || (caller.pod && caller.pod.uid !== pod.metadata.uid))
    return `pod ${client.key} with the uid of the token is not in this cluster: start the proxy with a token of an existing pod`;
  return serves(input, client, pod)
    ? undefined
    : `pod ${client.key} is not served by a ${client.kind}: check --mode and the pod’s labels`;
}

/**
 * Whether a client is a proxy in the eyes of the cluster, so that what it has not acknowledged is not in force: a node's
 * proxy, a gateway, or the sidecar of a pod. A pod that any user may have created is none, though it may have a stream
 * of its own as Istio's dedicated ztunnel: it would hold up the whole federation by acknowledging nothing.
 */
export function countsAsProxy(input: TranslateInput, { kind, namespace, pod }: ProxyClient): boolean {
  const known = input.view.get('Pod', namespace, pod);
  return known !== undefined && (kind !== 'ztunnel' || input.view.isNodeProxy(known));
}

/** Of which clients `refusalOf` may say something else once these keys were touched. */
export function admissionTouchedBy(keys: ChangeSet): (client: ProxyClient) => boolean {
  const pods = new Set<string>();
  const namespaces = new Set<string>();
  let areGatewaysTouched = false;
  for (const key of keys) {
    if (key.kind === 'synced') return () => true;
    if (key.kind === 'pod' || key.kind === 'gateway' || key.kind === 'part') pods.add(key.pod);
    if (key.kind === 'namespace') namespaces.add(key.namespace);
    areGatewaysTouched ||= key.kind === 'service';
  }
  return ({ key, namespace, kind }) =>
    pods.has(key) || namespaces.has(namespace) || (areGatewaysTouched && kind === 'router');
}

function serves(input: TranslateInput, { kind }: ProxyClient, pod: PodObject): boolean {
  switch (kind) {
    case 'ztunnel':
      // Istio's ztunnel serves a node, or as its `dedicated` mode the one pod whose token it has.
      return input.view.isNodeProxy(pod) || modeOf(input.view, pod) !== 'NONE';
    case 'router':
      return input.view.isGateway(pod);
    case 'sidecar':
      return modeOf(input.view, pod) === 'SIDECAR';
    case 'waypoint':
      return false;
  }
}
