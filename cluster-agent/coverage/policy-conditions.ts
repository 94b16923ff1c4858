import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { Progress } from './watched-policy.ts';

/** Istio's type, which istiod writes for ambient workloads: whether ztunnel can enforce the policy, and what of it not. */
export const acceptedType = 'ZtunnelAccepted';
/** Whether every proxy that has to enforce the policy has acknowledged it. */
export const enforcedType = 'isthmus.io/Enforced';

/** What the conditions of a security policy rest on. */
export interface PolicyState {
  /** Of its object, gravest first. */
  readonly rejections: readonly Pick<Rejection, 'severity' | 'field' | 'message'>[];
  readonly isDryRun: boolean;
  /** It names the workloads that it is for by their labels; otherwise it is for what of a namespace is in the mesh. */
  readonly hasSelector: boolean;
  /** IN_PROGRESS: it is being published. Undefined: it is nothing to an L4 proxy. */
  readonly progress: Progress | 'IN_PROGRESS' | undefined;
}

/** Whether the policy can be enforced, and whether it is. Messages have no counts that change with each pod. Pure. */
export const policyConditions = (state: PolicyState): readonly [accepted: Wanted, enforced: Wanted] => [
  { type: acceptedType, ...accepted(state) },
  { type: enforcedType, ...enforced(state) },
];

type Said = Omit<Wanted, 'type'>;

function accepted({ rejections, progress }: PolicyState): Said {
  const errors = rejections.filter(({ severity }) => severity === 'ERROR');
  if (errors.length > 0) return { status: 'False', reason: 'Invalid', message: shown(errors) };
  const parts = rejections.filter(({ severity }) => severity === 'WARNING');
  if (progress === undefined)
    return { status: 'False', reason: 'UnsupportedValue', message: shown(parts) || notForL4 };
  // Istiod says that it is accepted, too: what is left out makes it stricter.
  if (parts.length > 0) return { status: 'True', reason: 'UnsupportedValue', message: shown(parts) };
  return { status: 'True', reason: 'Accepted', message: 'all of it can be enforced' };
}

const notForL4 = 'no L4 proxy enforces it, and there is no waypoint';

function enforced({ rejections, isDryRun, hasSelector, progress }: PolicyState): Said {
  if (rejections.some(({ severity }) => severity === 'ERROR'))
    return {
      status: 'False',
      reason: 'Invalid',
      message: `this edit of the policy is refused and is not in force: ${acceptedType} says why`,
    };
  if (progress === undefined) return { status: 'False', reason: 'NotAtL4', message: notForL4 };
  if (progress === 'IN_PROGRESS')
    return { status: 'False', reason: 'Pending', message: 'it is being sent to proxies' };
  return isDryRun ? dryRun : at(progress, hasSelector);
}

const dryRun: Said = {
  status: 'False',
  reason: 'DryRun',
  message: 'a dry run denies nothing: remove the annotation istio.io/dry-run to enforce it',
};

function at({ selected, outside, refused, open, isUnknown }: Progress, hasSelector: boolean): Said {
  if (refused)
    return {
      status: 'False',
      reason: 'RefusedByProxy',
      message: `${refused.proxy} refuses it: ${refused.why}; upgrade the proxy if it is older than the agent`,
    };
  if (isUnknown)
    return { status: 'Unknown', reason: 'ProxyNotConnected', message: `it is not known for ${open}` };
  if (open !== '') return { status: 'False', reason: 'Pending', message: `not enforced for ${open}` };
  if (outside > 0 && (hasSelector || selected === 0)) return outsideOf(selected > 0);
  if (selected > 0)
    return {
      status: 'True',
      reason: 'Enforced',
      message: `the proxies of all workloads that it is for have acknowledged it${outside > 0 ? '; workloads outside of the mesh have none' : ''}`,
    };
  return {
    status: 'True',
    reason: 'NoWorkload',
    message: 'there is no workload at which it has to be enforced',
  };
}

const outsideOf = (isInPart: boolean): Said => ({
  status: 'False',
  reason: 'OutsideTheMesh',
  message: `no proxy serves ${isInPart ? 'some of ' : ''}the workloads that it selects: add them to the mesh (label istio.io/dataplane-mode=ambient)`,
});

const maxShown = 5;

function shown(rejections: PolicyState['rejections']): string {
  const more = rejections.length - maxShown;
  const said = rejections
    .slice(0, maxShown)
    .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  return [...said, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
