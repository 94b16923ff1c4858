import type { z } from 'zod';
import type {
  AddressMatch,
  Clause,
  Match,
  Rule,
  ServiceAccountMatch,
} from '@isthmus/mesh/rbac/authorization.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import type { AuthorizationPolicyObject, Metadata } from './objects.ts';
import type * as schemas from './schemas.ts';

type Spec = NonNullable<z.infer<typeof schemas.authorizationPolicy>['spec']>;
type RawRule = NonNullable<NonNullable<Spec['rules']>[number]>;
type Source = NonNullable<RawRule['from']>[number]['source'];
type Operation = NonNullable<RawRule['to']>[number]['operation'];
type Condition = NonNullable<RawRule['when']>[number];

/**
 * Istio's AuthorizationPolicy as an L4 proxy enforces it. What only L7 can judge is left out the safe way: in an ALLOW
 * the whole rule goes, so less is allowed; in a DENY only the attribute goes, so more is denied.
 */
export function decodeAuthorizationPolicy(
  { spec = {} }: { spec?: Spec | undefined },
  metadata: Metadata,
): AuthorizationPolicyObject {
  const action = spec.action ?? 'ALLOW';
  const ignored: string[] = [];
  const rules = (spec.rules ?? []).flatMap((rule, index) => {
    const l7 = l7Attributes(rule ?? {});
    if (l7.length > 0)
      ignored.push(
        `rules[${index}]: ${l7.join(', ')} ${action === 'ALLOW' ? 'need L7: the rule is dropped' : 'need L7: the rest of the rule denies'}`,
      );
    return l7.length > 0 && action === 'ALLOW' ? [] : [convertRule(rule ?? {}, metadata.namespace)];
  });
  return {
    ...{ kind: 'AuthorizationPolicy', metadata, action, rules, ignored },
    selector: spec.selector?.matchLabels ?? {},
    hasTargetRef: spec.targetRef !== undefined || (spec.targetRefs?.length ?? 0) > 0,
    dryRun: metadata.annotations['istio.io/dry-run'] === 'true',
  };
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

function block(text: string): AddressMatch {
  const [address = '', prefix] = text.split('/');
  return { address, prefix: prefix === undefined ? (address.includes(':') ? 128 : 32) : Number(prefix) };
}

/** `ns/sa`, or `sa` of the policy's own namespace. */
function account(text: string, namespace: string): ServiceAccountMatch {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { namespace, serviceAccount: first }
    : { namespace: first, serviceAccount: second };
}
