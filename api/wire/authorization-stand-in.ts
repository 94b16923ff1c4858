import { create } from '@bufbuild/protobuf';
import type { CompiledPolicy } from '../domain/directive.ts';
import type { Authorization, Clause, Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { isLabel } from '../domain/names.ts';
import { CompiledPolicySchema } from '../gen/isthmus/link_pb.js';
import {
  Action,
  AuthorizationSchema,
  Scope,
  type Authorization as WireAuthorization,
  type Rules as WireClause,
} from '../gen/upstream/authorization_pb.js';
import { rootNamespace } from '../kubernetes/root-namespace.ts';
import { readClause } from './authorization.ts';
import { parseMessage, refuseUnknown } from './binary.ts';
import { Fields } from './fields.ts';

/** Why nothing stands in: the policy denies nothing, as a dry run; or nothing says which namespace it is for. */
export type NoStandIn = 'DENIES_NOTHING' | 'NO_NAMESPACE';

/**
 * What is in force in place of a policy that is refused and was never read: it denies every connection that the policy
 * would deny.
 */
export function authorizationStandIn(name: string, bytes: Uint8Array): Authorization | NoStandIn {
  const parsed = parseMessage(AuthorizationSchema, bytes, 'REFUSE');
  const message = parsed.ok ? parsed.value : undefined;
  const closed = closedFor(message);
  const slash = name.indexOf('/');
  const namespace = message?.namespace || (slash > 0 ? name.slice(0, slash) : '');
  const scope = scopeOf(message, namespace);
  if (!closed) return 'DENIES_NOTHING';
  if (scope === undefined) return 'NO_NAMESPACE';
  return {
    key: name,
    name: message?.name ?? name.slice(slash + 1),
    namespace,
    scope,
    ...closed,
    dryRun: false,
  };
}

/** The namespace's where it cannot be read, and the mesh's for the root namespace. */
function scopeOf(
  message: WireAuthorization | undefined,
  namespace: string,
): Authorization['scope'] | undefined {
  if (message?.scope === Scope.WORKLOAD_SELECTOR) return 'WORKLOAD_SELECTOR';
  if (message?.scope === Scope.GLOBAL || namespace === rootNamespace) return 'GLOBAL';
  return namespace === '' ? undefined : 'NAMESPACE';
}

/** The same of a hub's policy, for the workloads that it selects as far as that can be read. */
export function policyStandIn(name: string, bytes: Uint8Array): CompiledPolicy | NoStandIn {
  const parsed = parseMessage(CompiledPolicySchema, bytes, 'REFUSE');
  if (!parsed.ok) return 'NO_NAMESPACE';
  const { targetNamespace: namespace, targetLabels, authorization } = parsed.value;
  const closed = closedFor(
    authorization ?? create(AuthorizationSchema, { action: Action.DENY, groups: [{}] }),
  );
  if (!closed) return 'DENIES_NOTHING';
  if (!isLabel(namespace)) return 'NO_NAMESPACE';
  return {
    name,
    revision: 0,
    target: { namespace, labels: { ...targetLabels } },
    authorization: {
      // No policy that can be read has this key: names are DNS labels.
      key: `${namespace}/isthmus~unread~${name}`,
      name: `isthmus~unread~${name}`,
      namespace,
      scope: 'WORKLOAD_SELECTOR',
      ...closed,
      dryRun: false,
    },
  };
}

type Closed = Pick<Authorization, 'action' | 'rules'>;

const everything: Closed = { action: 'DENY', rules: [[]] };

/** An action that is not known may be a DENY, which another ALLOW must not undo. */
function closedFor(message: WireAuthorization | undefined): Closed | undefined {
  if (!message || isUnknown(message)) return everything;
  if (message.dryRun) return undefined;
  switch (message.action) {
    case Action.ALLOW:
      return { action: 'ALLOW', rules: [] };
    case Action.DENY: {
      const rules = message.groups.map((group): Rule =>
        isUnknown(group) ? [] : group.rules.flatMap(asHeld),
      );
      return rules.length > 0 ? { action: 'DENY', rules } : undefined;
    }
    default:
      return everything;
  }
}

/** A clause of which a part cannot be read is taken to hold, so the rule rests on the others. */
function asHeld(clause: WireClause): readonly Clause[] {
  const fields = new Fields();
  refuseUnknown('', clause, fields);
  const read = readClause('', clause, fields);
  return fields.problem === undefined ? [read] : [];
}

/** It has fields of its own, not those of its parts, that are not known here: they may say anything of it. */
const isUnknown = ({ $unknown = [] }: { readonly $unknown?: readonly unknown[] | undefined }): boolean =>
  $unknown.length > 0;
