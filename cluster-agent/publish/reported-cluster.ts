import type { Condition } from '@isthmus/api/domain/condition.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { equals } from '../keys/equals.ts';
import type { Touched } from '../keys/touched.ts';
import { PolicyEffects } from '../policies/policy-effects.ts';
import { refusedPolicyConditions, type Refusal } from '../policies/refused.ts';
import { clusterConditions } from '../translate/conditions.ts';
import type { TranslateInput } from '../translate/input.ts';
import { clusterReport } from '../translate/report.ts';
import { ClusterReports } from './cluster-reports.ts';
import type { Delta, Subscriber } from './delta.ts';
import type { ReportStore } from './report-store.ts';

interface Deps {
  readonly input: TranslateInput;
  readonly agentVersion: string;
  /** What is degraded in the place where the cluster runs. */
  readonly ofRuntime: () => readonly Condition[];
  /** What proxies refuse, by name, of a type. */
  readonly refusals: (type: string) => ReadonlyMap<string, Refusal>;
  readonly store: ReportStore;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
}

/** The report on the cluster as a whole, with everything that is degraded in it, gathered from the agent's parts. */
export class ReportedCluster implements Subscriber {
  readonly #deps: Deps;
  readonly #reports: ClusterReports;
  readonly #effects = new PolicyEffects();
  /** As they were when they were looked at last. */
  #ofRuntime: readonly Condition[] = [];
  /** Proxies refused a policy when the cluster was last reported. */
  #hasRefusals = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#reports = new ClusterReports({ make: () => this.#make(), clock: deps.clock });
  }

  published(delta: Delta): void {
    this.#reports.published(delta);
  }

  /** A proxy has answered. */
  answered({
    type,
    rejected,
  }: {
    readonly type: string;
    readonly rejected: { readonly size: number };
  }): void {
    if (type === typeUrls.authorization && (rejected.size > 0 || this.#hasRefusals)) this.#reports.touch();
  }

  /** Says so when the place where the cluster runs is degraded in another way than when this was called last. */
  lookAtRuntime(touch: (key: Touched) => void): void {
    const before = this.#ofRuntime;
    this.#ofRuntime = this.#deps.ofRuntime();
    if (!equals(before, this.#ofRuntime)) touch({ kind: 'sourceConditions' });
  }

  /** Gives for how many milliseconds the report holds when nothing changes. */
  #make(): number {
    const { input, agentVersion, refusals, store, clock } = this.#deps;
    const now = clock.monotonic();
    const refused = refusals(typeUrls.authorization);
    this.#hasRefusals = refused.size > 0;
    const report = clusterReport(input, agentVersion, this.#conditions(refused, now));
    store.set('cluster', 'self', report, wire.clusterReport.encode);
    return input.health.problems.nextMissed(now) - now;
  }

  #conditions(refused: ReadonlyMap<string, Refusal>, now: number): readonly Condition[] {
    const { input, ofRuntime } = this.#deps;
    return [
      ...ofRuntime(),
      ...clusterConditions(input, now),
      ...this.#effects.conditions(input.view.namespaces()),
      ...refusedPolicyConditions(refused, input),
    ];
  }
}
