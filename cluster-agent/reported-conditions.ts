import type { Condition } from '@isthmus/api/domain/condition.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { equals } from './keys/equals.ts';
import { PolicyEffects } from './policies/policy-effects.ts';
import { refusedPolicyConditions } from './policies/refused.ts';
import { clusterConditions } from './translate/conditions.ts';
import type { TranslateInput } from './translate/input.ts';
import type { XdsServer } from './xds/server.ts';

interface Deps {
  readonly xds: () => Pick<XdsServer, 'refusals'>;
}

/** Everything that is degraded in a cluster as a whole, gathered from the agent's parts. */
export class ReportedConditions {
  readonly #deps: Deps;
  readonly #effects = new PolicyEffects();
  #ofRuntime: readonly Condition[] = [];

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Whether those of the place where the cluster runs are others than when this was asked last. */
  differ(ofRuntime: readonly Condition[]): boolean {
    const before = this.#ofRuntime;
    this.#ofRuntime = ofRuntime;
    return !equals(before, ofRuntime);
  }

  /** `ofRuntime`: of the place where the cluster runs. `monotonic`: the time by the agent's monotonic clock. */
  all(ofRuntime: readonly Condition[], input: TranslateInput, monotonic: number): readonly Condition[] {
    const { xds } = this.#deps;
    return [
      ...ofRuntime,
      ...clusterConditions(input, monotonic),
      ...this.#effects.conditions(input.view.namespaces()),
      ...refusedPolicyConditions(xds().refusals(typeUrls.authorization), input),
    ];
  }
}
