import type { HeldCertificate } from '@isthmus/api/domain/proxy-report.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { clientId, type ClientId } from '../keys/names.ts';
import type { IssuedRecord } from './issued-certificates.ts';
import type { UnknownMode } from './mode-labels.ts';
import type { Contact } from './presence.ts';
import type { Surroundings } from './surroundings.ts';

/** A cause that its object explains. */
export type PlainCause =
  | 'NO_ADDRESS'
  | 'NODE_UNKNOWN'
  | 'PROXY_MISSING'
  | 'PROXY_NOT_CONNECTED'
  | 'WORKLOAD_NOT_ACKNOWLEDGED'
  | 'CERTIFICATE_MISSING'
  | 'NOT_READY';

/** Why an endpoint is not healthy: the first thing on the way to it that has not proven that it works. */
export type Problem = {
  /** What has to be repaired, `<kind> <namespace>/<name>`: the node, the proxy's pod, or what has a label. */
  readonly object: string;
} & (
  | { readonly [C in PlainCause]: { readonly cause: C } }[PlainCause]
  | ({ readonly cause: 'MODE_UNKNOWN' } & Pick<UnknownMode, 'label' | 'value' | 'known'>)
  | { readonly cause: 'WORKLOAD_REFUSED'; readonly reason: string }
  /** Epoch milliseconds. */
  | { readonly cause: 'CERTIFICATE_EXPIRED'; readonly notAfter: number }
  /** `issuer`: the key id of the intermediate. */
  | { readonly cause: 'CERTIFICATE_REVOKED'; readonly issuer: string }
  /** How the proxy's last request for one failed; '': it says nothing of that. */
  | { readonly cause: 'CERTIFICATE_NOT_HELD'; readonly lastRequest: string }
);

export type Cause = Problem['cause'];

/** Whether a pod can be reached as an endpoint. */
export interface Verdict {
  /** Undefined: it is healthy. */
  readonly problem: Problem | undefined;
  /** It rests on what was last known: its proxy has yet to come back, or the record of certificates to fill. */
  readonly stale: 'PROXY' | 'CERTIFICATE' | undefined;
  /** The proxy that has proven now that it serves the pod; undefined when none has, and for pods that need none. */
  readonly provenBy: ClientId | undefined;
  /** Epoch milliseconds at which the certificate that it rests on ends; Infinity for none. */
  readonly until: number;
}

export const isHealthy = ({ problem }: Verdict): boolean => problem === undefined;

/** The proxies of a cluster as the agent sees them now. Ids are those of xDS clients, `<kind>/<namespace>/<pod>`. */
export interface Proxies {
  contact(id: ClientId): Contact;
  held(id: ClientId): 'HELD' | 'STALE' | undefined;
  /** How far the workload has come at a proxy that is connected. */
  acknowledged(id: ClientId, workloadUid: string): 'YES' | 'NO' | { readonly refused: string };
  /** It held state of an earlier life of the agent when it connected. */
  returned(id: ClientId): boolean;
  /** The certificate that it reports for an identity; undefined: it reports none, or does not report. */
  shown(id: ClientId, identity: string): HeldCertificate | undefined;
  /** The proxy that last proved to serve the pod of this uid. */
  lastProvenBy(podUid: string): ClientId | undefined;
}

export interface Certificates {
  readonly issued: IssuedRecord;
  /** Whether peers refuse what an intermediate signed: it is revoked, or they have received none with that key id. */
  readonly isRevoked: (issuer: string) => boolean;
}

/** An id of a proxy that would serve the pod, and the uid of that proxy's own pod. */
interface Candidate {
  readonly id: ClientId;
  readonly uid: string;
  /** `<kind> <namespace>/<name>` of that pod. */
  readonly object: string;
}

const healthy: Verdict = { problem: undefined, stale: undefined, provenBy: undefined, until: Infinity };

/**
 * Healthy means proven: the pod is ready, and the proxy that serves it is connected, has acknowledged its workload, and
 * holds a valid certificate for it. A pod of no mesh mode has no proxy, and is healthy when it is ready. Pure.
 * `now` is in epoch milliseconds.
 */
export function judge(
  pod: PodObject,
  around: Surroundings,
  proxies: Proxies,
  certificates: Certificates,
  now: number,
): Verdict {
  const placed = placement(pod, around);
  if (placed) return { ...healthy, problem: placed };
  const proof = around.part(pod) === 'NONE' ? healthy : proofOf(pod, around, proxies, certificates, now);
  if (proof.problem || pod.ready === true) return proof;
  return { ...proof, problem: { cause: 'NOT_READY', object: nameOf(pod) } };
}

const nameOf = ({ kind, metadata: { namespace, name } }: PodObject): string => `${kind} ${namespace}/${name}`;

/** What is wrong with the pod before any proxy is asked. */
function placement(pod: PodObject, around: Surroundings): Problem | undefined {
  if (pod.podIP === '') return { cause: 'NO_ADDRESS', object: nameOf(pod) };
  const unknown = around.unknownMode(pod);
  if (unknown) {
    const { object, label, value, known } = unknown;
    return { cause: 'MODE_UNKNOWN', object, label, value, known };
  }
  // A folder of manifests has no scheduler: a pod of no mesh mode may be written down without a node.
  const needsNode = pod.nodeName !== '' || around.part(pod) !== 'NONE';
  if (!needsNode || around.hasNode(pod.nodeName)) return undefined;
  return { cause: 'NODE_UNKNOWN', object: pod.nodeName === '' ? nameOf(pod) : `Node ${pod.nodeName}` };
}

function proofOf(
  pod: PodObject,
  around: Surroundings,
  proxies: Proxies,
  certificates: Certificates,
  now: number,
): Verdict {
  const verdicts = candidatesFor(pod, around, proxies).map((one) =>
    served(pod, one, around, proxies, certificates, now),
  );
  const proven = verdicts.find((one) => one.problem === undefined);
  if (proven) return proven;
  const missing: Problem = { cause: 'PROXY_MISSING', object: `Node ${pod.nodeName}` };
  const [first = { ...healthy, problem: missing }] = verdicts;
  // What a proxy refuses it does not serve, whatever was known of it before.
  if (verdicts.some((one) => one.problem?.cause === 'WORKLOAD_REFUSED')) return first;
  const last = proxies.lastProvenBy(pod.metadata.uid);
  const held = last === undefined ? undefined : proxies.held(last);
  return held ? { ...healthy, stale: held === 'STALE' ? 'PROXY' : undefined } : first;
}

/** Istio's ztunnel may also serve one pod alone, with that pod's own token (its `dedicated` mode). */
function candidatesFor(pod: PodObject, around: Surroundings, proxies: Proxies): readonly Candidate[] {
  const dedicated = candidate('ztunnel', pod);
  const alone = proxies.contact(dedicated.id) === 'CONNECTED' ? [dedicated] : [];
  switch (around.part(pod)) {
    case 'AMBIENT':
      return [...alone, ...around.nodeProxies(pod.nodeName).map((one) => candidate('ztunnel', one))];
    case 'SIDECAR':
      return [...alone, candidate('sidecar', pod)];
    case 'GATEWAY':
      return [candidate('router', pod)];
    case 'NONE':
      return [];
  }
}

/** Whether this ztunnel is the proxy that has proven to serve a pod. */
export const isProvenBy = ({ provenBy }: Verdict, ztunnel: PodObject): boolean =>
  provenBy === clientId('ztunnel', ztunnel.metadata);

const candidate = (kind: string, pod: PodObject): Candidate => ({
  id: clientId(kind, pod.metadata),
  uid: pod.metadata.uid,
  object: nameOf(pod),
});

function served(
  pod: PodObject,
  { id, uid, object }: Candidate,
  around: Surroundings,
  proxies: Proxies,
  { issued, isRevoked }: Certificates,
  now: number,
): Verdict {
  const failed = (problem: Problem): Verdict => ({ ...healthy, problem });
  if (proxies.contact(id) !== 'CONNECTED') return failed({ cause: 'PROXY_NOT_CONNECTED', object });
  const acknowledged = proxies.acknowledged(id, around.workloadUid(pod));
  if (acknowledged === 'NO') return failed({ cause: 'WORKLOAD_NOT_ACKNOWLEDGED', object });
  if (acknowledged !== 'YES')
    return failed({ cause: 'WORKLOAD_REFUSED', object, reason: acknowledged.refused });
  // A report can lower its own endpoints' health, never raise it: what follows is asked as well.
  const shown = proxies.shown(id, around.identity(pod));
  if (shown && (shown.serial === '' || shown.notAfter <= now))
    return failed({ cause: 'CERTIFICATE_NOT_HELD', object, lastRequest: shown.problem });
  const certificate = issued.of(uid, around.identity(pod));
  if (!certificate) {
    // What is not recorded may be from before the record: until it had to be renewed, its proxy is believed.
    const until = issued.since + day;
    const mayHave = proxies.returned(id) && now < until;
    return mayHave
      ? { problem: undefined, stale: 'CERTIFICATE', provenBy: id, until }
      : failed({ cause: 'CERTIFICATE_MISSING', object });
  }
  const { notAfter, issuer } = certificate;
  if (notAfter <= now) return failed({ cause: 'CERTIFICATE_EXPIRED', object, notAfter });
  if (isRevoked(issuer)) return failed({ cause: 'CERTIFICATE_REVOKED', object, issuer });
  return { problem: undefined, stale: undefined, provenBy: id, until: notAfter };
}
