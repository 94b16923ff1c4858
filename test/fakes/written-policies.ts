import fc from 'fast-check';

// AuthorizationPolicies as they may be written, with every field and every attribute, whether or not proxies at L4 can
// judge them. Some are refused.

type Pools = Readonly<Record<string, readonly string[]>>;

const blocks = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8'];
const sourceValues: Pools = {
  principals: ['cluster.local/ns/shop/sa/front', '*/sa/mallory', 'corp.example/*', '*'],
  namespaces: ['shop', 'ba*', '*op', 's*p', '*'],
  trustDomains: ['cluster.local', 'corp*', '*.example', '*'],
  ipBlocks: blocks,
  serviceAccounts: ['front', 'bank/mallory'],
  requestPrincipals: ['*', 'issuer/subject'],
  remoteIpBlocks: blocks,
};
const operationValues: Pools = {
  ports: ['80', '7001'],
  hosts: ['x.example', '*.example'],
  methods: ['GET', 'POST'],
  paths: ['/admin', '/a/*'],
};
const conditionValues: Pools = {
  'source.ip': blocks,
  'source.namespace': sourceValues['namespaces'] ?? [],
  'source.principal': sourceValues['principals'] ?? [],
  'source.trustDomain': sourceValues['trustDomains'] ?? [],
  'source.serviceAccount': sourceValues['serviceAccounts'] ?? [],
  'destination.ip': blocks,
  'destination.port': ['80', '7001'],
  'remote.ip': blocks,
  'request.headers[x]': ['y'],
  'request.auth.principal': ['issuer/subject'],
  'request.auth.claims[groups][a]': ['admin'],
  'connection.sni': ['x.example'],
};

const negated = (field: string) => `not${field.slice(0, 1).toUpperCase()}${field.slice(1)}`;

/** Now and then an empty list, which asks for nothing. */
const some = (values: readonly string[]) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.subarray([...values], { minLength: 1 }) },
    { weight: 1, arbitrary: fc.constant<string[]>([]) },
  );

/** Some of the fields and of their contraries, in any order. */
const fieldsOf = (pools: Pools): fc.Arbitrary<object> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...Object.keys(pools)), fc.boolean()), {
      minLength: 1,
      maxLength: 4,
      selector: ([field, isNot]) => `${field} ${isNot}`,
    })
    .chain((chosen) =>
      fc
        .tuple(...chosen.map(([field]) => some(pools[field] ?? [])))
        .map((lists) =>
          Object.fromEntries(
            chosen.map(([field, isNot], i) => [isNot ? negated(field) : field, lists[i] ?? []]),
          ),
        ),
    );

const condition = fc.constantFrom(...Object.keys(conditionValues)).chain((key) =>
  fc.record(
    {
      key: fc.constant(key),
      values: some(conditionValues[key] ?? []),
      notValues: some(conditionValues[key] ?? []),
    },
    { requiredKeys: ['key'] },
  ),
);

const upTo3 = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });

const rule = fc.record(
  {
    from: upTo3(fieldsOf(sourceValues).map((source) => ({ source }))),
    to: upTo3(fieldsOf(operationValues).map((operation) => ({ operation }))),
    when: upTo3(condition),
  },
  { requiredKeys: [] },
);

const rarely = <T>(one: T, other: T): fc.Arbitrary<T> => fc.constantFrom(...Array<T>(9).fill(one), other);

/** `action`: undefined leaves it open. */
export const writtenPolicy = (action?: 'DENY'): fc.Arbitrary<object> =>
  fc
    .record({
      namespace: fc.constantFrom('shop', 'istio-system'),
      action:
        action === undefined
          ? fc.constantFrom('ALLOW', 'DENY', 'AUDIT', 'CUSTOM', undefined)
          : fc.constant(action),
      targets: rarely<object>({}, { targetRefs: [{ kind: 'Service', name: 'a' }] }),
      selector: fc.constantFrom({}, { selector: { matchLabels: { app: 'cart' } } }),
      rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    })
    .map(({ namespace, action: written, targets, selector, rules }) => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'p', namespace },
      spec: { ...selector, ...(action === undefined && targets), action: written, rules },
    }))
    // As it comes out of a text.
    .map((raw) => JSON.parse(JSON.stringify(raw)) as object);
