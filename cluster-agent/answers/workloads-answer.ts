import type {
  WorkloadHealth,
  WorkloadSummary,
  WorkloadsAnswer,
  WorkloadsQuestion,
} from '@isthmus/api/domain/question.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { explain } from '../health/explain.ts';
import type { Verdict } from '../health/judge.ts';
import { podKey, podUid } from '../keys/names.ts';
import { identityOf } from '../translate/identity.ts';
import { partOf } from '../translate/part.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { modeOf } from '../view/mode.ts';
import { selects } from '../view/selectors.ts';

/** One page of this cluster's own workloads, ordered by uid. */
export function answerWorkloads(
  input: TranslateInput,
  snapshot: ClusterSnapshot,
  { namespace, labels, first, after }: WorkloadsQuestion,
): WorkloadsAnswer {
  const { view } = input;
  const all = [...(namespace === '' ? view.pods() : view.podsSelectedBy(namespace, labels))]
    .filter(({ metadata }) => selects(labels, metadata.labels))
    .map((pod) => ({ pod, uid: podUid(input.cluster, pod) }))
    .sort((a, b) => (a.uid < b.uid ? -1 : 1));
  const rest = all.filter(({ uid }) => uid > after);
  const page = rest.slice(0, Math.min(first, 1000));
  return {
    kind: 'workloads',
    total: all.length,
    hasNext: rest.length > page.length,
    workloads: page.map(({ pod, uid }) => summary(input, snapshot, pod, uid)),
  };
}

function summary(
  input: TranslateInput,
  snapshot: ClusterSnapshot,
  pod: PodObject,
  uid: string,
): WorkloadSummary {
  const workload = snapshot.workloads.get(uid);
  const { name, namespace } = pod.metadata;
  const part = input.derived.part(podKey(pod.metadata));
  const mode = part ? partOf(part) : modeOf(input.view, pod);
  return {
    uid,
    name,
    namespace,
    node: pod.nodeName,
    serviceAccount: pod.serviceAccount,
    spiffeId: identityOf(input.trustDomain, pod),
    addresses: pod.podIP === '' ? [] : [pod.podIP],
    mode,
    ready: pod.ready === true,
    services: [...(workload?.services.keys() ?? [])],
    policies: [...(workload?.authorizationPolicies ?? [])],
    deniesByDefault: isUnderAllow(snapshot, namespace, workload?.authorizationPolicies ?? []),
    health: healthOf(input.health.of(pod), pod, mode, part?.uncaptured),
  };
}

function healthOf(
  { problem, stale }: Verdict,
  pod: PodObject,
  mode: WorkloadSummary['mode'],
  uncaptured: string | undefined,
): WorkloadHealth {
  if (!problem && uncaptured !== undefined) return outsideOfMesh(uncaptured, stale !== undefined);
  const { cause, remedy } = problem ? explain(problem, pod, mode) : { cause: '', remedy: '' };
  return {
    healthy: problem === undefined,
    reason: problem?.cause ?? '',
    message: cause,
    remedy,
    stale: stale !== undefined,
  };
}

/** It is reached, in plaintext, and nothing is enforced there. */
const outsideOfMesh = (why: string, stale: boolean): WorkloadHealth => ({
  healthy: true,
  reason: 'NOT_CAPTURED',
  message: `its labels put it into the mesh, and its traffic is not captured${why === '' ? '' : `: ${why}`}`,
  remedy: 'run a node agent on its node, and check its log: it annotates the pods that it has captured',
  stale,
});

/** An ALLOW of the mesh, of the namespace or of the workload itself, from the cluster or from the hub. */
const isUnderAllow = (
  { authorizations }: ClusterSnapshot,
  namespace: string,
  named: readonly string[],
): boolean =>
  [...authorizations.values()].some(
    (one) =>
      one.action === 'ALLOW' &&
      !one.dryRun &&
      (one.scope === 'GLOBAL' ||
        (one.scope === 'NAMESPACE' && one.namespace === namespace) ||
        named.includes(one.key)),
  );
