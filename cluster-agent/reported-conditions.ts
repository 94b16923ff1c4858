import type { Condition } from '@isthmus/api/domain/condition.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { PolicyEffects } from './policies/policy-effects.ts';
import { refusedPolicyConditions } from './policies/refused.ts';
import type { Allocations } from './source/files/allocations.ts';
import { addressConditions, shareRefusalConditions } from './translate/address-conditions.ts';
import { clusterConditions } from './translate/conditions.ts';
import type { TranslateInput } from './translate/input.ts';
import type { XdsServer } from './xds/server.ts';

interface Deps {
  readonly allocations: Pick<Allocations, 'refused' | 'shareRefusals'>;
  readonly xds: () => Pick<XdsServer, 'refusals'>;
}

/** Everything that is degraded in a cluster as a whole, gathered from the agent's parts. */
export class ReportedConditions {
  readonly #deps: Deps;
  readonly #effects = new PolicyEffects();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** `ofSource`: of where the cluster's objects come from. `monotonic`: the time by the agent's monotonic clock. */
  all(ofSource: readonly Condition[], input: TranslateInput, monotonic: number): readonly Condition[] {
    const { allocations, xds } = this.#deps;
    return [
      ...ofSource,
      ...addressConditions(allocations),
      ...shareRefusalConditions(allocations.shareRefusals),
      ...clusterConditions(input, monotonic),
      ...this.#effects.conditions(input.view.namespaces()),
      ...refusedPolicyConditions(xds().refusals(typeUrls.authorization), input),
    ];
  }
}
