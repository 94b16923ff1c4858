import type { Condition, Severity } from '@isthmus/api/domain/condition.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import { list } from '../health/conditions.ts';
import { reducePolicy } from '../translate/l4/reduce-policy.ts';
import { isIgnored, isOfMesh, nameOf, type Effect } from './effects.ts';

/** Conditions of one reason; those that are left out are counted. */
const shownAtMost = 10;

interface Finding {
  readonly policy: Effect['policy'];
  readonly reason: string;
  readonly severity: Severity;
  readonly message: string;
  readonly remedy: string;
}

/** What of a policy and of the namespace that it is in decides whether it has an effect. */
export interface Judged extends Effect {
  /** Its namespace has a Namespace object. */
  readonly isDeclared: boolean;
}

/**
 * Security policies that have no effect, or that of a whole namespace, as written: at most ten of each reason, and how
 * many more. A policy that no L4 proxy enforces has a rejection that says so, and none of these.
 */
export function policyConditions(effects: readonly Judged[]): readonly Condition[] {
  const findings = effects.flatMap((one) => findingOf(one) ?? []).sort(inOrder);
  return [...Map.groupBy(findings, ({ reason }) => reason).values()].flatMap(capped);
}

const inOrder = (a: Finding, b: Finding): number =>
  a.reason < b.reason ? -1 : a.reason > b.reason ? 1 : byPrecedence(a.policy, b.policy);

/** The first reason that holds: those that come later say nothing that helps once the first is there. */
const findingOf = (one: Judged): Finding | undefined =>
  ignored(one) ??
  saysNothing(one) ??
  shadowedWhole(one) ??
  selectsNothing(one) ??
  outside(one) ??
  refuses(one);

function ignored({ policy }: Judged): Finding | undefined {
  if (!isIgnored(policy)) return undefined;
  return {
    policy,
    reason: 'SELECTOR_IGNORED',
    severity: 'WARNING',
    message: 'a PeerAuthentication of the root namespace that has a selector selects nothing, as in Istio',
    remedy: 'move it to the namespace of the workloads, or remove spec.selector to mean the whole mesh',
  };
}

function saysNothing({ policy }: Judged): Finding | undefined {
  if (policy.kind === 'PeerAuthentication') {
    if (policy.mode !== 'UNSET' || policy.ports.size > 0) return undefined;
    return {
      policy,
      reason: 'SAYS_NOTHING',
      severity: 'WARNING',
      message: 'it sets no mode, so what it selects has the mode that it would have without it',
      remedy: 'set spec.mtls.mode to STRICT or PERMISSIVE, or remove the policy',
    };
  }
  if (policy.action !== 'DENY' || reducePolicy(policy).rules.length > 0) return undefined;
  return {
    policy,
    reason: 'DENIES_NOTHING',
    severity: 'WARNING',
    message: 'it is a DENY without a rule that proxies enforce, so it denies nothing',
    remedy:
      'write what it has to deny into spec.rules (`rules: [{}]` denies everything), or remove the policy',
  };
}

function shadowedWhole({ policy, shadow, selection }: Judged): Finding | undefined {
  if (!shadow) return undefined;
  const { by, of } = shadow;
  const holds = `${list(by)}, which ${by.length === 1 ? 'is' : 'are'} older or first by name`;
  return {
    policy,
    reason: 'SHADOWED',
    severity: 'WARNING',
    message:
      of === undefined
        ? `it has no effect: where it applies ${by.length === 1 ? 'holds' : 'hold'} ${holds}`
        : `for ${of} of the ${selection.selected} workloads that it selects it has no effect: there ${by.length === 1 ? 'holds' : 'hold'} ${holds}`,
    remedy: `change ${by.length === 1 ? `${by[0]} instead` : 'those instead'}, or remove this policy: one PeerAuthentication holds for a workload`,
  };
}

function selectsNothing({ policy, selection, isDeclared }: Judged): Finding | undefined {
  if (selection.selected > 0) return undefined;
  const labels = Object.entries(policy.selector).map(([key, value]) => `${key}=${value}`);
  const { namespace } = policy.metadata;
  const where = isOfMesh(policy) ? 'the mesh' : `the namespace ${namespace}`;
  const what =
    labels.length > 0
      ? `no workload of ${where} has the ${labels.length === 1 ? 'label' : 'labels'} ${labels.join(', ')}`
      : `${where} has no workload`;
  // A rule for all of a namespace is often written before its first workload.
  const isEarly = labels.length === 0 && isDeclared;
  return {
    policy,
    reason: 'SELECTS_NOTHING',
    severity: isEarly ? 'INFO' : 'WARNING',
    message: `${what}${isDeclared || isOfMesh(policy) ? '' : `, and there is no Namespace ${namespace}`}: the policy has no effect until one has`,
    remedy: `check the spelling of metadata.namespace${labels.length > 0 ? ' and spec.selector' : ''}, or remove the policy`,
  };
}

function outside({ policy, selection: { selected, inMesh, outside: some } }: Judged): Finding | undefined {
  if (inMesh > 0) return undefined;
  return {
    policy,
    reason: 'OUTSIDE_THE_MESH',
    severity: 'WARNING',
    message: `no proxy enforces it: ${selected === 1 ? 'the one workload that it selects is' : `the ${selected} workloads that it selects are`} in no mesh mode: ${some.join(', ')}${selected > some.length ? ` and ${selected - some.length} more` : ''}`,
    remedy:
      'add the workloads to the mesh (label istio.io/dataplane-mode=ambient, or sidecar injection), or remove the policy',
  };
}

/** A rule without a clause that says something matches every connection. */
function refuses({ policy, selection: { inMesh } }: Judged): Finding | undefined {
  if (policy.kind !== 'AuthorizationPolicy' || policy.action !== 'DENY' || policy.dryRun) return undefined;
  if (!reducePolicy(policy).rules.some((rule) => rule.every((clause) => clause.length === 0)))
    return undefined;
  return {
    policy,
    reason: 'DENIES_EVERYTHING',
    severity: 'WARNING',
    message: `a rule of it matches every connection: ${inMesh === 1 ? 'the workload that it selects refuses' : `the ${inMesh} workloads that it selects refuse`} everything, whatever an ALLOW says`,
    remedy: 'if that is not meant, write what it has to deny into spec.rules',
  };
}

function capped(alike: readonly Finding[]): readonly Condition[] {
  const shown = alike.slice(0, shownAtMost).map(conditionOf);
  const rest = alike.slice(shownAtMost);
  const [first] = rest;
  if (!first) return shown;
  const names = list(rest.map(({ policy }) => `${policy.kind} ${nameOf(policy)}`));
  return [
    ...shown,
    {
      type: 'PolicyEffective',
      status: 'False',
      reason: first.reason,
      severity: rest.some(({ severity }) => severity === 'WARNING') ? 'WARNING' : first.severity,
      object: '',
      message: `the same holds for ${rest.length} more policies: ${names}`,
      remedy: 'correct the policies with this reason that are listed first',
    },
  ];
}

const conditionOf = ({ policy, reason, severity, message, remedy }: Finding): Condition => ({
  type: 'PolicyEffective',
  status: 'False',
  reason,
  severity,
  object: `${policy.kind} ${nameOf(policy)}`,
  message,
  remedy,
});
