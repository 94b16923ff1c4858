import { formatServiceKey, isLabel, labelRule } from '@isthmus/api/domain/names.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refusal, refuse } from '../command/refuse.ts';
import { warning, type Warning } from '../command/warning.ts';
import type { Now } from '../state/now.ts';
import { auditSubject } from '../command/audit-subject.ts';

/** How new connections of one service choose among clusters. An empty order and list restore the default. */
export const setTrafficPolicy: Command<Omit<TrafficPolicy, 'kind'>, { policy: TrafficPolicy }> = {
  name: 'setTrafficPolicy',
  subject: (service) => auditSubject('service', formatServiceKey(service)),
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
    const id = formatServiceKey(input);
    const before = snapshot.intent.trafficPolicies.get(id);
    const stale = checkRevision(context, before?.revision ?? 0, `the traffic policy of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    const policy: TrafficPolicy = { kind: 'trafficPolicy', ...input };
    const known = snapshot.index.exports.holders(id).size > 0;
    const warnings = [
      ...(known
        ? []
        : [
            warning(
              'SERVICE_UNKNOWN',
              'service',
              `no cluster has a service ${id}: this has no effect until one has it`,
            ),
          ]),
      ...unknownRegions(snapshot, input.regionFailover),
    ];
    return ok({
      subject: auditSubject('service', id),
      writes: [{ put: policy, id, expected: before?.revision ?? 0 }],
      payload: { policy },
      warnings,
    });
  },
};

/** Regions that no node of any cluster is in: misspelt, or of a cluster that has not joined yet. */
function unknownRegions({ observed }: Now, failover: TrafficPolicy['regionFailover']): readonly Warning[] {
  const known = new Set([...observed.values()].flatMap(({ nodes }) => nodes.map(({ region }) => region)));
  return failover.flatMap((pair, i) =>
    (['from', 'to'] as const)
      .filter((end) => !known.has(pair[end]))
      .map((end) =>
        warning(
          'REGION_UNKNOWN',
          `regionFailover.${i}.${end}`,
          `no node of any cluster is in region '${pair[end]}': this has no effect until one is`,
        ),
      ),
  );
}

/** Takes a traffic policy away: new connections of the service are spread over all clusters by capacity again. */
export const deleteTrafficPolicy: Command<
  { readonly namespace: string; readonly name: string },
  { readonly namespace: string; readonly name: string }
> = {
  name: 'deleteTrafficPolicy',
  subject: (service) => auditSubject('service', formatServiceKey(service)),
  decide(snapshot, { namespace, name }, context) {
    const id = formatServiceKey({ namespace, name });
    const before = snapshot.intent.trafficPolicies.get(id);
    if (!before)
      return refuse('NOT_FOUND', 'service', `${id} has no traffic policy: isthmus policy list shows them`);
    const stale = checkRevision(context, before.revision, `the traffic policy of ${id}`);
    if (stale) return { ok: false, error: [stale] };
    return ok({
      subject: auditSubject('service', id),
      writes: [{ remove: 'trafficPolicy', id, expected: before.revision }],
      payload: { namespace, name },
      warnings: [],
    });
  },
};
