import { formatSubject } from '@isthmus/api/domain/names.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { list } from '../health/conditions.ts';
import type { PodKey } from '../keys/names.ts';
import { placeIn } from '../view/sorted.ts';
import type { CoveredPolicy } from './covered-policy.ts';

/** A workload that a policy selects: the proxy that enforces it there, or why none does. */
export type Enforcement =
  | { readonly kind: 'covered'; readonly proxy: string }
  | { readonly kind: 'uncovered'; readonly proxy: string | undefined; readonly why: string }
  | { readonly kind: 'refused'; readonly proxy: string; readonly why: string }
  /** Its proxy is not connected: it may enforce what it had acknowledged before, or be dead. */
  | { readonly kind: 'unheard'; readonly proxy: undefined; readonly why: string }
  /** No proxy serves it, and the policy does not wait for it. */
  | { readonly kind: 'outside'; readonly proxy: undefined };

/** How far a policy is in force, as counts of the workloads that it selects. */
export interface Progress {
  /** Without those outside of the mesh. */
  readonly selected: number;
  readonly outside: number;
  /** Undefined: no proxy refuses it. */
  readonly refused: { readonly proxy: string; readonly why: string } | undefined;
  /** Where it is not known to be enforced, with the reasons: `1 of 2 workloads: shop/cart (…)`; '': nowhere. */
  readonly open: string;
  /** All of these have proxies that are not connected: whether they enforce it is not known. */
  readonly isUnknown: boolean;
}

/** A policy and how far it is in force at each pod that it selects, with what a report says of it as sums. */
export class WatchedPolicy {
  readonly policy: CoveredPolicy;
  readonly version: string;
  readonly #pods = new Map<PodKey, Enforcement>();
  /** Pods to the proxy that has acknowledged the policy as attached there. */
  readonly #attached = new Map<PodKey, string>();
  /** The same of pods that have not been looked at since the policy was replaced. */
  readonly #earlier: Map<PodKey, string>;
  readonly #proxies = new Map<string, number>();
  /** Sorted, with those that are unheard. */
  readonly #uncovered: PodKey[] = [];
  readonly #refused: PodKey[] = [];
  #outside = 0;
  #unheard = 0;

  /** `before`: the same policy; in the same version what was attached still is. */
  constructor(policy: CoveredPolicy, version: string, before: WatchedPolicy | undefined) {
    this.policy = policy;
    this.version = version;
    this.#earlier = before?.version === version ? before.#attached : new Map<PodKey, string>();
  }

  pods(): Iterable<PodKey> {
    return this.#pods.keys();
  }

  selects(pod: PodKey): boolean {
    return this.#pods.has(pod);
  }

  isAttached(pod: PodKey, proxy: string): boolean {
    return (this.#attached.get(pod) ?? this.#earlier.get(pod)) === proxy;
  }

  /** Every pod that it selects has been looked at. */
  looked(): void {
    this.#earlier.clear();
  }

  /** Undefined: it does not select the pod. True when the report may be another one now. */
  set(pod: PodKey, after: Enforcement | undefined): boolean {
    const before = this.#pods.get(pod);
    if (after) this.#pods.set(pod, after);
    else this.#pods.delete(pod);
    // What a proxy has acknowledged lasts over later changes of the workload, for as long as the policy stays attached.
    if (after?.kind === 'covered') this.#attached.set(pod, after.proxy);
    else this.#attached.delete(pod);
    this.#earlier.delete(pod);
    if (before) this.#sum(pod, before, -1);
    if (after) this.#sum(pod, after, 1);
    return before?.kind !== after?.kind || before?.proxy !== after?.proxy || whyOf(before) !== whyOf(after);
  }

  report(): Applied {
    const { policy, version } = this;
    const report = { subject: formatSubject('policy', policy.name), version, proxies: this.#proxies.size };
    const { selected, refused, open } = this.progress();
    if (selected === 0)
      return { ...report, state: 'APPLIED', message: 'it selects no workload of this cluster' };
    if (refused) return { ...report, state: 'REJECTED', message: `${refused.proxy}: ${refused.why}` };
    const message = open === '' ? '' : `not enforced for ${open}`;
    return { ...report, state: open === '' ? 'APPLIED' : 'PENDING', message };
  }

  progress(): Progress {
    const selected = this.#pods.size - this.#outside;
    const count = this.#uncovered.length;
    const first = this.#refused[0] && this.#pods.get(this.#refused[0]);
    const refused = first?.kind === 'refused' ? { proxy: first.proxy, why: first.why } : undefined;
    const open = list(this.#uncovered, (pod) => `${pod} (${whyOf(this.#pods.get(pod))})`);
    return {
      selected,
      outside: this.#outside,
      refused,
      open: count === 0 ? '' : `${count} of ${selected} workloads: ${open}`,
      isUnknown: count > 0 && count === this.#unheard,
    };
  }

  #sum(pod: PodKey, { kind, proxy }: Enforcement, by: 1 | -1): void {
    if (proxy !== undefined) {
      const pods = (this.#proxies.get(proxy) ?? 0) + by;
      if (pods > 0) this.#proxies.set(proxy, pods);
      else this.#proxies.delete(proxy);
    }
    if (kind === 'outside') this.#outside += by;
    if (kind === 'unheard') this.#unheard += by;
    const isOpen = kind === 'uncovered' || kind === 'unheard';
    const sorted = kind === 'refused' ? this.#refused : isOpen ? this.#uncovered : undefined;
    sorted?.splice(placeIn(sorted, pod), by < 0 ? 1 : 0, ...(by > 0 ? [pod] : []));
  }
}

const whyOf = (one: Enforcement | undefined): string => (one && 'why' in one ? one.why : '');
