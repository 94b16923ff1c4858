import { isLabel, labelRule } from '@isthmus/api/domain/names.ts';
import type { AccessPolicy, AccessRule } from '@isthmus/api/domain/access-policy.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { warning, type Warning } from '../command/warning.ts';
import { checkRevision } from '../command/expected.ts';
import { refusal, refuse } from '../command/refuse.ts';
import { isLabelKey, isLabelValue } from './labels.ts';
import { checkPrincipal } from './principal.ts';
import type { Now } from '../state/now.ts';
import { auditSubject } from '../command/audit-subject.ts';

const max = { rules: 100, values: 100 };

/** Stores a global access policy, checked against everything that it names. */
export const applyPolicy: Command<AccessPolicy, { policy: AccessPolicy }> = {
  name: 'applyPolicy',
  subject: ({ name }) => auditSubject('policy', name),
  decide(snapshot, policy, context) {
    const errors = [
      ...checkFrame(policy, snapshot),
      ...policy.rules.flatMap((rule, index) => checkRule(rule, index, snapshot)),
    ];
    if (errors.length > 0) return { ok: false, error: errors };
    const before = snapshot.intent.accessPolicies.get(policy.name);
    const stale = checkRevision(context, before?.revision ?? 0, `policy ${policy.name}`);
    if (stale) return { ok: false, error: [stale] };
    const writes = [{ put: policy, id: policy.name, expected: before?.revision ?? 0 }];
    return ok({
      subject: auditSubject('policy', policy.name),
      writes,
      payload: { policy },
      // Whom a first ALLOW turns to deny by default only the agents know: a dry run asks them.
      warnings: extremes(policy),
    });
  },
};

export const deletePolicy: Command<{ name: string }, { name: string }> = {
  name: 'deletePolicy',
  subject: ({ name }) => auditSubject('policy', name),
  decide(snapshot, { name }, context) {
    const before = snapshot.intent.accessPolicies.get(name);
    if (!before)
      return refuse('NOT_FOUND', 'name', noPolicy(name, [...snapshot.intent.trafficPolicies.keys()]));
    const stale = checkRevision(context, before.revision, `policy ${name}`);
    if (stale) return { ok: false, error: [stale] };
    const writes = [{ remove: 'accessPolicy' as const, id: name, expected: before.revision }];
    return ok({ subject: auditSubject('policy', name), writes, payload: { name }, warnings: [] });
  },
};

/** Policies that are allowed to say so, and often do not mean it. */
function extremes({ effect, rules }: AccessPolicy): readonly Warning[] {
  const matchesAll = rules.findIndex(
    ({ principals, namespaces, ports }) => principals.length + namespaces.length + ports.length === 0,
  );
  const field = `${at}.rules${matchesAll < 0 ? '' : `.${matchesAll}`}`;
  if (effect === 'ALLOW' && rules.length === 0)
    return [warning('DENIES_EVERYTHING', field, 'an ALLOW without rules denies every call to its target')];
  if (matchesAll < 0) return [];
  if (effect === 'DENY')
    return [
      warning(
        'DENIES_EVERYTHING',
        field,
        'a rule without fields matches every call: every call to the target is denied',
      ),
    ];
  if (effect === 'REQUIRE')
    return [
      warning('NO_EFFECT', field, 'a rule without fields matches every call: this REQUIRE denies nothing'),
    ];
  return [];
}

/** A traffic policy has the name of its service and is deleted by that. */
function noPolicy(name: string, trafficPolicies: readonly string[]): string {
  const meant = trafficPolicies.find((id) => id.endsWith(`/${name}`));
  return meant === undefined
    ? `no access policy '${name}' is known: isthmus policy list shows them`
    : `no access policy '${name}' is known; the traffic policy of ${meant} is deleted with isthmus policy delete ${meant}`;
}

const at = 'policy.access';

function checkFrame({ name, target, rules, effect }: AccessPolicy, { intent }: Now): UserError[] {
  const errors: UserError[] = [];
  if (!isLabel(name)) errors.push(refusal('INVALID', `${at}.name`, `a policy's name ${labelRule}`));
  if (!isLabel(target.namespace))
    errors.push(refusal('INVALID', `${at}.target.namespace`, `a namespace ${labelRule}`));
  for (const [key, value] of Object.entries(target.labels))
    if (!isLabelKey(key) || !isLabelValue(value))
      errors.push(
        refusal(
          'INVALID',
          `${at}.target.labels`,
          `no workload can have the label '${key.slice(0, 60)}': '${value.slice(0, 60)}'`,
        ),
      );
  const unknown = target.clusters.findIndex((cluster) => !intent.clusters.has(cluster));
  if (unknown >= 0)
    errors.push(
      refusal(
        'NOT_FOUND',
        `${at}.target.clusters.${unknown}`,
        `no cluster '${target.clusters[unknown] ?? ''}' is known: isthmus clusters lists them`,
      ),
    );
  if (rules.length > max.rules)
    errors.push(refusal('INVALID', `${at}.rules`, `a policy has at most ${max.rules} rules`));
  if (rules.length === 0 && effect !== 'ALLOW')
    errors.push(
      refusal(
        'INVALID',
        `${at}.rules`,
        effect === 'DENY'
          ? 'rules must not be empty: a DENY without rules denies nothing; use `- {}` to deny everything'
          : 'rules must not be empty: a REQUIRE without rules would deny everything; name what is required',
      ),
    );
  return errors;
}

function checkRule(rule: AccessRule, index: number, { intent }: Now): UserError[] {
  const field = `${at}.rules.${index}`;
  const errors: UserError[] = [];
  const values = rule.principals.length + rule.namespaces.length + rule.ports.length;
  if (values > max.values) errors.push(refusal('INVALID', field, `a rule has at most ${max.values} values`));
  rule.ports.forEach((port, i) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      errors.push(refusal('INVALID', `${field}.ports.${i}`, `${port} is not a port`));
  });
  rule.namespaces.forEach((namespace, i) => {
    if (!isLabel(namespace))
      errors.push(refusal('INVALID', `${field}.namespaces.${i}`, `a namespace ${labelRule}`));
  });
  rule.principals.forEach((principal, i) => {
    const refused = checkPrincipal(principal, [...intent.trustDomains.keys()]);
    if (refused) errors.push(refusal(refused.code, `${field}.principals.${i}`, refused.message));
  });
  return errors;
}
