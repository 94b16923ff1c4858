import type { z } from 'zod';
import type {
  AddressMatch,
  Clause,
  Match,
  Rule,
  ServiceAccountMatch,
} from '@isthmus/mesh/rbac/authorization.ts';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { AuthorizationPolicyObject, Metadata } from './objects.ts';
import type * as schemas from './schemas.ts';

type Spec = NonNullable<z.infer<typeof schemas.authorizationPolicy>['spec']>;
type Action = AuthorizationPolicyObject['action'];
type RawRule = NonNullable<Spec['rules']>[number];
type Source = NonNullable<RawRule['from']>[number]['source'];
type Operation = NonNullable<RawRule['to']>[number]['operation'];
type Condition = NonNullable<RawRule['when']>[number];

/** The policy, and what of it an L4 proxy does not enforce. */
export interface DecodedPolicy {
  readonly object: AuthorizationPolicyObject;
  readonly findings: readonly Finding[];
}

/**
 * Istio's AuthorizationPolicy as an L4 proxy enforces it. What only L7 can judge is left out the safe way: in an ALLOW
 * the whole rule goes, so less is allowed; in a DENY only what needs L7 goes, so more is denied. A rule of a DENY that
 * is L7 alone has no effect, as under Istio's control plane: the alternative denies everything.
 */
export function decodeAuthorizationPolicy(
  { spec = {} }: { spec?: Spec | undefined },
  metadata: Metadata,
): DecodedPolicy {
  const action = spec.action ?? 'ALLOW';
  const read = (spec.rules ?? []).map((rule) => readRule(rule, action, metadata.namespace));
  const hasTargetRef = spec.targetRef !== undefined || (spec.targetRefs?.length ?? 0) > 0;
  const whole = wholeUnapplied(action, hasTargetRef);
  return {
    object: {
      ...{ kind: 'AuthorizationPolicy', metadata, action, hasTargetRef },
      rules: read.flatMap(({ rule }) => (rule ? [rule] : [])),
      selector: spec.selector?.matchLabels ?? {},
      dryRun: metadata.annotations['istio.io/dry-run'] === 'true',
    },
    findings:
      whole ??
      read.flatMap(({ ignored }, i) => (ignored === '' ? [] : [notApplied(`spec.rules[${i}]`, ignored)])),
  };
}

function wholeUnapplied(action: Action, hasTargetRef: boolean): readonly Finding[] | undefined {
  if (action === 'AUDIT' || action === 'CUSTOM')
    return [notApplied('spec.action', `${action} is enforced by no L4 proxy, and there is no waypoint yet`)];
  if (hasTargetRef)
    return [
      notApplied(
        'spec.targetRefs',
        'a policy with a target is enforced by a waypoint, and there is none yet',
      ),
    ];
  return undefined;
}

function readRule(
  raw: RawRule,
  action: Action,
  namespace: string,
): { rule: Rule | undefined; ignored: string } {
  const l7 = l7Attributes(raw);
  if (l7.length === 0) return { rule: convertRule(raw, namespace), ignored: '' };
  const needs = `${l7.join(', ')} can be judged at L7 only:`;
  if (action === 'ALLOW') return { rule: undefined, ignored: `${needs} this rule allows nothing` };
  const rest = convertRule(raw, namespace).filter((clause) => !clause.some(isEmpty));
  return rest.length === 0
    ? { rule: undefined, ignored: `${needs} this rule has no effect` }
    : { rule: rest, ignored: `${needs} this rule denies whatever the rest of it matches` };
}

const l7Source = [
  'requestPrincipals',
  'notRequestPrincipals',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
] as const;
const l7Operation = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'] as const;
const l4Keys = new Set([
  'source.ip',
  'source.namespace',
  'source.principal',
  'destination.ip',
  'destination.port',
]);

const l7Attributes = ({ from = [], to = [], when = [] }: RawRule): readonly string[] => [
  ...from.flatMap(({ source }) => l7Source.filter((name) => source[name] !== undefined)),
  ...to.flatMap(({ operation }) => l7Operation.filter((name) => operation[name] !== undefined)),
  ...when.map(({ key }) => key).filter((key) => !l4Keys.has(key)),
];

/** Of an alternative that L7 alone can judge nothing is left: at L4 it may be anything. */
const isEmpty = (one: Match): boolean =>
  Object.values(one).every((values: readonly unknown[]) => values.length === 0);

function convertRule({ from, to, when }: RawRule, namespace: string): Rule {
  const sources: Clause[] = from ? [from.map(({ source }) => convertSource(source, namespace))] : [];
  const operations: Clause[] = to ? [to.map(({ operation }) => convertOperation(operation))] : [];
  const conditions = (when ?? [])
    .filter(({ key }) => l4Keys.has(key))
    .map((one): Clause => [convertCondition(one)]);
  return [...sources, ...operations, ...conditions];
}

const convertSource = (source: Source, namespace: string): Match =>
  match({
    principals: (source.principals ?? []).map(stringMatch),
    notPrincipals: (source.notPrincipals ?? []).map(stringMatch),
    namespaces: (source.namespaces ?? []).map(stringMatch),
    notNamespaces: (source.notNamespaces ?? []).map(stringMatch),
    sourceIps: (source.ipBlocks ?? []).map(block),
    notSourceIps: (source.notIpBlocks ?? []).map(block),
    serviceAccounts: (source.serviceAccounts ?? []).map((text) => account(text, namespace)),
    notServiceAccounts: (source.notServiceAccounts ?? []).map((text) => account(text, namespace)),
  });

const convertOperation = ({ ports = [], notPorts = [] }: Operation): Match =>
  match({ destinationPorts: ports.map(Number), notDestinationPorts: notPorts.map(Number) });

function convertCondition({ key, values = [], notValues = [] }: Condition): Match {
  switch (key) {
    case 'source.ip':
      return match({ sourceIps: values.map(block), notSourceIps: notValues.map(block) });
    case 'destination.ip':
      return match({ destinationIps: values.map(block), notDestinationIps: notValues.map(block) });
    case 'source.namespace':
      return match({ namespaces: values.map(stringMatch), notNamespaces: notValues.map(stringMatch) });
    case 'source.principal':
      return match({ principals: values.map(stringMatch), notPrincipals: notValues.map(stringMatch) });
    default:
      return match({ destinationPorts: values.map(Number), notDestinationPorts: notValues.map(Number) });
  }
}

/** The schema has let in nothing but blocks. */
function block(text: string): AddressMatch {
  const parsed = parseBlock(text);
  if (!parsed.ok) throw new Error(`${text} passed the schema and is no block`);
  return parsed.value;
}

/** `ns/sa`, or `sa` of the policy's own namespace. */
function account(text: string, namespace: string): ServiceAccountMatch {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { namespace, serviceAccount: first }
    : { namespace: first, serviceAccount: second };
}
