import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { list } from '@isthmus/cluster-agent/health/conditions.ts';
import { explain } from '@isthmus/cluster-agent/health/explain.ts';
import type { Health } from '@isthmus/cluster-agent/health/tracker.ts';
import { podUid } from '@isthmus/cluster-agent/keys/names.ts';
import type { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { modeOf, type Mode } from '@isthmus/cluster-agent/view/mode.ts';

/** What open streams of proxies say of one resource. */
export interface Acknowledgements {
  /** In whatever version, unless the newest was refused. */
  acknowledged(client: string, type: string, name: string): 'YES' | 'NO' | { readonly refused: string };
  /** In the version that it has now. */
  acknowledgedNow(client: string, type: string, name: string): boolean;
}

interface Asked {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly health: Health;
}

/** A workload that a policy selects: the proxy that enforces it there, or why none does. */
type Enforcement =
  | { readonly kind: 'covered'; readonly proxy: string }
  | { readonly kind: 'uncovered'; readonly proxy: string | undefined; readonly why: string }
  | { readonly kind: 'refused'; readonly proxy: string; readonly why: string };

/**
 * Whether policies of the hub are in force: a policy is applied where every workload that it selects has a proxy that
 * has acknowledged the policy, and the workload as one that it is attached to.
 */
export class WholePolicyCoverage {
  readonly #streams: Acknowledgements;
  /**
   * Attachments that a proxy has acknowledged. They last over later changes of the workload, such as of its health, for
   * as long as the policy stays attached.
   */
  #attached: ReadonlySet<string> = new Set();

  constructor(streams: Acknowledgements) {
    this.#streams = streams;
  }

  reports(
    policies: readonly { readonly policy: CompiledPolicy; readonly version: string }[],
    { cluster, view, health }: Asked,
  ): readonly Applied[] {
    const attached = new Set<string>();
    const reports = policies.map(({ policy, version }) => {
      const { namespace, labels } = policy.target;
      const selected = [...view.podsSelectedBy(namespace, labels)].filter(({ podIP }) => podIP !== '');
      const found = selected.map((pod) => {
        const part = view.isGateway(pod) ? 'GATEWAY' : modeOf(view, pod);
        const enforcement = this.#enforcement(
          policy,
          version,
          pod,
          part,
          podUid(cluster, pod),
          health,
          attached,
        );
        return { name: `${pod.metadata.namespace}/${pod.metadata.name}`, enforcement };
      });
      return reportOf(policy.name, version, found);
    });
    this.#attached = attached;
    return reports;
  }

  #enforcement(
    { authorization }: CompiledPolicy,
    version: string,
    pod: PodObject,
    part: Mode | 'GATEWAY',
    uid: string,
    health: Health,
    attached: Set<string>,
  ): Enforcement {
    const uncovered = (why: string, proxy?: string): Enforcement => ({ kind: 'uncovered', proxy, why });
    const { problem, provenBy } = health.of(pod);
    if (problem && problem.cause !== 'NOT_READY') return uncovered(explain(problem, pod, part).cause);
    if (part === 'NONE') return uncovered('it is of no mesh mode, so no proxy serves it');
    if (part === 'GATEWAY') return uncovered('it is a gateway, which enforces no policy on itself');
    if (provenBy === undefined) return uncovered('its proxy has lost its connection to the agent');
    const policy = this.#streams.acknowledged(provenBy, typeUrls.authorization, authorization.key);
    if (typeof policy === 'object') return { kind: 'refused', proxy: provenBy, why: policy.refused };
    if (!this.#streams.acknowledgedNow(provenBy, typeUrls.authorization, authorization.key))
      return uncovered('its proxy has not acknowledged the policy', provenBy);
    const key = [provenBy, uid, authorization.key, version].join(' ');
    if (!this.#attached.has(key) && !this.#streams.acknowledgedNow(provenBy, typeUrls.address, uid))
      return uncovered('its proxy has not acknowledged that the policy is attached', provenBy);
    attached.add(key);
    return { kind: 'covered', proxy: provenBy };
  }
}

type Found = readonly { readonly name: string; readonly enforcement: Enforcement }[];

function reportOf(name: string, version: string, found: Found): Applied {
  const proxies = new Set(found.flatMap(({ enforcement: { proxy } }) => proxy ?? [])).size;
  const report = { subject: `policy/${name}`, version, proxies };
  if (found.length === 0)
    return { ...report, state: 'APPLIED', message: 'it selects no workload of this cluster' };
  for (const { enforcement } of found)
    if (enforcement.kind === 'refused')
      return { ...report, state: 'REJECTED', message: `${enforcement.proxy}: ${enforcement.why}` };
  const open = found.flatMap(({ name, enforcement }) =>
    enforcement.kind === 'uncovered' ? [`${name} (${enforcement.why})`] : [],
  );
  if (open.length === 0) return { ...report, state: 'APPLIED', message: '' };
  const message = `not enforced for ${open.length} of ${found.length} workloads: ${list(open)}`;
  return { ...report, state: 'PENDING', message };
}
