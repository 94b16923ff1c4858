import fc from 'fast-check';
import type { TrustDomain, WorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';

// Istio's AuthorizationPolicy as its documentation has it, evaluated on the object as it is written: nothing of this is
// shared with what decodes and enforces policies.

export interface Call {
  readonly identity: WorkloadIdentity | undefined;
  readonly address: string;
  readonly port: number;
}

export type Lists = Readonly<Record<string, readonly string[]>>;
export interface WrittenCondition {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}
export interface WrittenRule {
  readonly from?: readonly { readonly source: Lists }[];
  readonly to?: readonly { readonly operation: Lists }[];
  readonly when?: readonly WrittenCondition[];
}
export interface WrittenSpec {
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly action: 'ALLOW' | 'DENY';
  readonly rules: readonly WrittenRule[];
}

export const trustDomain = 'cluster.local' as TrustDomain;
const identity = fc.record({
  trustDomain: fc.constantFrom(trustDomain, 'corp.example' as TrustDomain),
  namespace: fc.constantFrom('shop', 'bank'),
  serviceAccount: fc.constantFrom('front', 'mallory'),
});
export const call: fc.Arbitrary<Call> = fc.record({
  identity: fc.option(identity, { nil: undefined }),
  address: fc.constantFrom('10.0.0.9', '192.168.1.1'),
  port: fc.constantFrom(80, 7001, 9090),
});

const values: Readonly<Record<string, readonly string[]>> = {
  principals: ['cluster.local/ns/shop/sa/front', '*/sa/mallory', 'corp.example/*', '*'],
  namespaces: ['shop', 'ba*', '*op', 's*p'],
  trustDomains: ['cluster.local', 'corp*', '*.example', '*'],
  ipBlocks: ['10.0.0.0/8', '192.168.1.1'],
  serviceAccounts: ['front', 'bank/mallory'],
  requestPrincipals: ['*'],
  remoteIpBlocks: ['10.0.0.0/8'],
  ports: ['80', '7001'],
  methods: ['GET'],
  paths: ['/admin'],
  hosts: ['x.example'],
};
const isOfRequests = (field: string) =>
  ['requestprincipals', 'remoteipblocks', 'methods', 'paths', 'hosts'].includes(bare(field).toLowerCase());
const bare = (field: string) => {
  const text = field.replace(/^not/, '');
  return text.slice(0, 1).toLowerCase() + text.slice(1);
};
const negated = (field: string) => `not${field.slice(0, 1).toUpperCase()}${field.slice(1)}`;

const lists = (fields: readonly string[]): fc.Arbitrary<Lists> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...fields), fc.boolean()), {
      minLength: 1,
      maxLength: 3,
      selector: ([field, isNot]) => `${field}${isNot}`,
    })
    .chain((chosen) =>
      fc
        .tuple(...chosen.map(([field]) => fc.subarray([...(values[field] ?? [])], { minLength: 1 })))
        .map((all) =>
          Object.fromEntries(
            chosen.map(([field, isNot], i) => [isNot ? negated(field) : field, all[i] ?? []]),
          ),
        ),
    );

const keys: Readonly<Record<string, string>> = {
  'source.ip': 'ipBlocks',
  'source.namespace': 'namespaces',
  'source.principal': 'principals',
  'source.trustDomain': 'trustDomains',
  'source.serviceAccount': 'serviceAccounts',
  'destination.port': 'ports',
  'request.headers[x]': 'hosts',
};
const condition: fc.Arbitrary<WrittenCondition> = fc
  .tuple(fc.constantFrom(...Object.keys(keys)), fc.boolean())
  .chain(([key, isNot]) =>
    fc
      .subarray([...(values[keys[key] ?? ''] ?? [])], { minLength: 1 })
      .map((list) => (isNot ? { key, notValues: list } : { key, values: list })),
  );

/** `l4`: only of attributes that a proxy can judge as they are written. */
const rule = (l4: boolean): fc.Arbitrary<WrittenRule> => {
  const source = ['principals', 'namespaces', 'trustDomains', 'ipBlocks', 'serviceAccounts'];
  const operation = ['ports'];
  if (!l4) source.push('requestPrincipals', 'remoteIpBlocks');
  if (!l4) operation.push('paths', 'methods', 'hosts');
  const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
  return fc.record(
    {
      from: some(lists(source).map((one) => ({ source: one }))),
      to: some(lists(operation).map((one) => ({ operation: one }))),
      when: some(l4 ? condition.filter(({ key }) => !key.startsWith('request')) : condition),
    },
    { requiredKeys: [] },
  );
};

export const spec = (options: { readonly l4: boolean }): fc.Arbitrary<WrittenSpec> =>
  fc
    .record(
      {
        selector: fc.constantFrom({ matchLabels: { app: 'cart' } }, { matchLabels: { app: 'else' } }),
        action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
        rules: fc.array(rule(options.l4), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['action', 'rules'] },
    )
    .filter((one) => !options.l4 || !hasUnjudgeable(one));

/** Wildcards that the workload API cannot say. */
const hasUnjudgeable = (one: WrittenSpec): boolean => /"(\*\.example|s\*p)"/.test(JSON.stringify(one));

const textIs = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.]/g, '\\.'))
      .join('.*')}$`,
  ).test(text);

/** Whether one value of a field holds for a call; undefined where only a request could tell. */
function holds(field: string, value: string, { identity: peer, address, port }: Call): boolean | undefined {
  switch (field) {
    case 'principals':
      return (
        peer !== undefined &&
        textIs(value, `${peer.trustDomain}/ns/${peer.namespace}/sa/${peer.serviceAccount}`)
      );
    case 'namespaces':
      return peer !== undefined && textIs(value, peer.namespace);
    case 'trustDomains':
      return peer !== undefined && textIs(value, peer.trustDomain);
    case 'serviceAccounts':
      return (
        peer !== undefined &&
        (value.includes('/') ? value : `shop/${value}`) === `${peer.namespace}/${peer.serviceAccount}`
      );
    case 'ipBlocks':
      return value === '10.0.0.0/8' ? address.startsWith('10.') : value === address;
    case 'ports':
      return Number(value) === port;
    default:
      return undefined;
  }
}

type Verdict = 'YES' | 'NO' | 'BY_REQUEST';

/** All fields: their values are alternatives, and of a `not…` none may hold. */
function all(fields: Lists, one: Call): { readonly verdict: Verdict; readonly ofConnection: boolean } {
  let [verdict, ofConnection]: [Verdict, boolean] = ['YES', false];
  for (const [field, wanted] of Object.entries(fields)) {
    if (isOfRequests(field)) {
      if (verdict === 'YES') verdict = 'BY_REQUEST';
      continue;
    }
    ofConnection = true;
    const isMet = wanted.some((value) => holds(bare(field), value, one));
    if (isMet === field.startsWith('not')) verdict = 'NO';
  }
  return { verdict, ofConnection };
}

const conditionFields = ({ key, values: wanted = [], notValues = [] }: WrittenCondition): Lists => {
  const field = keys[key] ?? '';
  return {
    ...(wanted.length > 0 ? { [field]: wanted } : {}),
    ...(notValues.length > 0 ? { [negated(field)]: notValues } : {}),
  };
};

/**
 * Whether a rule matches a call: YES whatever its requests are; BY_REQUEST for some requests. `ofConnection`: some
 * alternative that may match says something of the connection.
 */
export function matches(
  { from = [], to = [], when = [] }: WrittenRule,
  one: Call,
): { readonly verdict: Verdict; readonly ofConnection: boolean } {
  const sources = from.length > 0 ? from.map(({ source }) => source) : [{}];
  const operations = to.length > 0 ? to.map(({ operation }) => operation) : [{}];
  const conditions = when.map((each) => all(conditionFields(each), one));
  let [verdict, ofConnection]: [Verdict, boolean] = ['NO', false];
  for (const source of sources)
    for (const operation of operations) {
      const parts = [all(source, one), all(operation, one), ...conditions];
      if (parts.some((part) => part.verdict === 'NO')) continue;
      const isByRequest = parts.some((part) => part.verdict === 'BY_REQUEST');
      if (!isByRequest) verdict = 'YES';
      else if (verdict === 'NO') verdict = 'BY_REQUEST';
      ofConnection ||= !isByRequest || parts.some((part) => part.ofConnection);
    }
  return { verdict, ofConnection };
}

/**
 * Whether policies that apply deny a call. MUST: whatever its requests are, or for some requests of which a rule says
 * something of the connection too; MAY: only for some requests, by what they are alone.
 */
export function verdictOf(specs: readonly WrittenSpec[], one: Call): 'MUST' | 'MAY' | 'NOT' {
  const rulesOf = (action: 'ALLOW' | 'DENY') =>
    specs
      .filter((each) => each.action === action)
      .flatMap(({ rules }) => rules.map((each) => matches(each, one)));
  const denials = rulesOf('DENY').filter(({ verdict }) => verdict !== 'NO');
  if (denials.some(({ ofConnection, verdict }) => verdict === 'YES' || ofConnection)) return 'MUST';
  const allows = rulesOf('ALLOW');
  const isUnderAllow = specs.some(({ action }) => action === 'ALLOW');
  if (isUnderAllow && allows.every(({ verdict }) => verdict === 'NO')) return 'MUST';
  if (denials.length > 0) return 'MAY';
  return isUnderAllow && !allows.some(({ verdict }) => verdict === 'YES') ? 'MAY' : 'NOT';
}
