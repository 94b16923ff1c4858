import type {
  WorkloadHealth,
  WorkloadSummary,
  WorkloadsAnswer,
  WorkloadsQuestion,
} from '@isthmus/api/domain/question.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { explain } from '../health/explain.ts';
import type { Verdict } from '../health/judge.ts';
import { podUid } from '../keys/names.ts';
import { identityOf } from '../translate/identity.ts';
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
  const mode = input.view.isGateway(pod) ? 'GATEWAY' : modeOf(input.view, pod);
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
    health: healthOf(input.health.of(pod), pod, mode),
  };
}

function healthOf(
  { problem, stale }: Verdict,
  pod: PodObject,
  mode: WorkloadSummary['mode'],
): WorkloadHealth {
  const { cause, remedy } = problem ? explain(problem, pod, mode) : { cause: '', remedy: '' };
  return {
    healthy: problem === undefined,
    reason: problem?.cause ?? '',
    message: cause,
    remedy,
    stale: stale !== undefined,
  };
}

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
