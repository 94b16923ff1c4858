import { isLabel, labelRule } from '@isthmus/api/domain/names.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refusal } from '../command/refuse.ts';

/** How new connections of one service choose among clusters. An empty order and list restore the default. */
export const setTrafficPolicy: Command<Omit<TrafficPolicy, 'kind'>, { policy: TrafficPolicy }> = {
  name: 'setTrafficPolicy',
  decide(snapshot, input, context) {
    const errors: UserError[] = [];
    if (!isLabel(input.namespace))
      errors.push(refusal('INVALID', 'service.namespace', `a namespace ${labelRule}`));
    if (!isLabel(input.name))
      errors.push(refusal('INVALID', 'service.name', `a service's name ${labelRule}`));
    if (new Set(input.localityOrder).size !== input.localityOrder.length)
      errors.push(refusal('INVALID', 'localityOrder', 'each scope stands once'));
    input.regionFailover.forEach(({ from, to }, i) => {
      if (from === '' || to === '' || from === to)
        errors.push(refusal('INVALID', `regionFailover.${i}`, 'from and to are two regions'));
    });
    if (input.regionFailover.length > 0 && !input.localityOrder.includes('REGION'))
      errors.push(refusal('INVALID', 'regionFailover', 'failover by region needs REGION in localityOrder'));
    if (errors.length > 0) return { ok: false, error: errors };
    const id = `${input.namespace}/${input.name}`;
    const before = snapshot.intent.trafficPolicies.get(id);
    const stale = checkRevision(context, before?.revision ?? 0, `the traffic policy of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    const policy: TrafficPolicy = { kind: 'trafficPolicy', ...input };
    const known = [...snapshot.observed.values()].some(({ services }) => services.has(id));
    const warnings = known ? [] : [`no cluster has a service ${id} yet`];
    return ok({
      subject: `service/${id}`,
      writes: [{ put: policy, id, expected: before?.revision ?? 0 }],
      payload: { policy },
      warnings,
    });
  },
};
