import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const decode = (spec: object) =>
  decodeObject({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec,
  });

const decoded = (spec: object) => {
  const found = decode(spec);
  assert.ok(found.ok && found.value.kind === 'object' && found.value.object.kind === 'AuthorizationPolicy');
  return found.value.object;
};
const only = (...values: string[]) => ({ values, notValues: [] });
const but = (...notValues: string[]) => ({ values: [], notValues });
const anything = { from: undefined, to: undefined, when: [], unread: [] };

describe('an AuthorizationPolicy is kept as it is written, with what needs L7', () => {
  it('its rules', () => {
    const source = {
      principals: ['a/ns/b/sa/c'],
      notPrincipals: ['*'],
      namespaces: ['shop'],
      notTrustDomains: ['corp.example'],
      ipBlocks: ['10.0.0.0/8'],
      notServiceAccounts: ['mallory'],
      requestPrincipals: ['iss/sub'],
      notRemoteIpBlocks: ['192.168.1.1'],
    };
    const operation = { ports: ['80'], notHosts: ['x.example'], methods: ['GET'], paths: ['/a', '/b*'] };
    const when = [
      { key: 'request.headers[x]', values: ['y'], notValues: ['z'] },
      { key: 'connection.sni', notValues: ['a.example'] },
    ];
    const { rules } = decoded({
      rules: [{ from: [{ source }, { source: { namespaces: ['bank'] } }], to: [{ operation }], when }, {}],
    });
    assert.deepEqual(rules, [
      {
        from: [
          {
            fields: {
              principals: { values: ['a/ns/b/sa/c'], notValues: ['*'] },
              namespaces: only('shop'),
              trustDomains: but('corp.example'),
              ipBlocks: only('10.0.0.0/8'),
              serviceAccounts: but('mallory'),
              requestPrincipals: only('iss/sub'),
              remoteIpBlocks: but('192.168.1.1'),
            },
            unread: [],
          },
          { fields: { namespaces: only('bank') }, unread: [] },
        ],
        to: [
          {
            fields: {
              ports: only('80'),
              hosts: but('x.example'),
              methods: only('GET'),
              paths: only('/a', '/b*'),
            },
            unread: [],
          },
        ],
        when: [
          { key: 'request.headers[x]', values: ['y'], notValues: ['z'], unread: [] },
          { key: 'connection.sni', values: [], notValues: ['a.example'], unread: [] },
        ],
        unread: [],
      },
      anything,
    ]);
  });

  it('an empty list asks for nothing', () => {
    const operation = { ports: ['80'], methods: [], notPaths: [] };
    assert.deepEqual(decoded({ rules: [{ to: [{ operation }] }] }).rules, [
      { ...anything, to: [{ fields: { ports: only('80') }, unread: [] }] },
    ]);
  });

  it('its targets, whether one or several are named', () => {
    const service = { kind: 'Service', name: 'cart' };
    const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };
    assert.deepEqual(decoded({ targetRef: service, targetRefs: [gateway] }).targets, [
      { group: '', kind: 'Service', name: 'cart' },
      gateway,
    ]);
    assert.deepEqual(decoded({}).targets, []);
  });

  it('its action, and who decides in its place', () => {
    const { action, provider, rules } = decoded({
      action: 'CUSTOM',
      provider: { name: 'opa' },
      rules: [{ to: [{ operation: { paths: ['/admin'] } }] }],
    });
    assert.deepEqual([action, provider], ['CUSTOM', 'opa']);
    assert.deepEqual(rules[0]?.to, [{ fields: { paths: only('/admin') }, unread: [] }]);
    assert.deepEqual([decoded({}).action, decoded({}).provider], ['ALLOW', undefined]);
  });
});

describe('the annotation of a dry run', () => {
  const dryRun = (annotation: string) =>
    decodeObject({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'p', namespace: 'shop', annotations: { 'istio.io/dry-run': annotation } },
      spec: {},
    });
  const table: Record<string, [boolean, boolean]> = {
    ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((one) => [one, [true, false]])),
    ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False', ''].map((one) => [one, [false, false]])),
    ...Object.fromEntries(['yes', 'tRUE', ' true'].map((one) => [one, [false, true]])),
  };
  for (const [text, [isDryRun, isFound]] of Object.entries(table))
    it(`'${text}', as Go reads booleans: ${isDryRun ? 'a dry run' : 'enforced'}${isFound ? ', with a finding' : ''}`, () => {
      const decoded = dryRun(text);
      assert.ok(
        decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'AuthorizationPolicy',
      );
      assert.equal(decoded.value.object.dryRun, isDryRun);
      assert.equal(decoded.value.findings.length, isFound ? 1 : 0);
    });
});

describe('a field that is unknown', () => {
  const table: Record<string, [object, string, string]> = {
    'is reported with the one that is meant': [
      { rules: [{ from: [{ sorce: { namespaces: ['a'] } }] }] },
      'spec.rules[0].from[0].sorce',
      'unknown field "sorce"; did you mean "source"?',
    ],
    'of a rule': [
      { rules: [{ form: [] }] },
      'spec.rules[0].form',
      'unknown field "form"; did you mean "from"?',
    ],
    'of the policy': [{ selectr: {} }, 'spec.selectr', 'unknown field "selectr"; did you mean "selector"?'],
    'in another case': [
      { rules: [{ from: [{ source: { ipblocks: ['10.0.0.1'] } }] }] },
      'spec.rules[0].from[0].source.ipblocks',
      'unknown field "ipblocks"; did you mean "ipBlocks"?',
    ],
    'like no other': [{ zones: [] }, 'spec.zones', 'unknown field "zones"'],
  };
  for (const [name, [spec, field, message]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(spec);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.field, decoded.error.message], [field, message]);
    });
});

describe('a policy is refused', () => {
  const when = (key: string, ...values: string[]) => ({ rules: [{ when: [{ key, values }] }] });
  const table: Record<string, [object, string]> = {
    'with a port that is a name': [when('destination.port', 'http'), 'spec.rules[0].when[0].values[0]'],
    'with a port of 0': [when('destination.port', '0'), 'spec.rules[0].when[0].values[0]'],
    'with an address that is none': [when('source.ip', '10.0.0.0/8', 'x'), 'spec.rules[0].when[0].values[1]'],
    'with a destination that is none': [
      when('destination.ip', '10.0.0.0/99'),
      'spec.rules[0].when[0].values[0]',
    ],
    'with a condition without values': [
      { rules: [{ when: [{ key: 'source.ip' }] }] },
      'spec.rules[0].when[0]',
    ],
    'with a condition of no attribute': [when('source.namespaces', 'a'), 'spec.rules[0].when[0].key'],
    'with a trust domain that has a slash': [
      { rules: [{ from: [{ source: { trustDomains: ['a/b'] } }] }] },
      'spec.rules[0].from[0].source.trustDomains[0]',
    ],
    'with a service account that has a wildcard': [
      { rules: [{ from: [{ source: { serviceAccounts: ['a*'] } }] }] },
      'spec.rules[0].from[0].source.serviceAccounts[0]',
    ],
    'with a label that has a wildcard': [
      { selector: { matchLabels: { app: 'c*' } } },
      'spec.selector.matchLabels.app',
    ],
    'with a selector and a target': [
      { selector: {}, targetRef: { kind: 'Service', name: 'a' } },
      'spec.targetRefs',
    ],
    'with an empty source': [{ rules: [{ from: [{ source: {} }] }] }, 'spec.rules[0].from[0].source'],
    'with an empty list in an operation': [
      { rules: [{ to: [{ operation: { ports: [] } }] }] },
      'spec.rules[0].to[0].operation',
    ],
    'with no source': [{ rules: [{ from: [] }] }, 'spec.rules[0].from'],
    'with a rule that was only begun': [{ rules: [{ from: null }] }, 'spec.rules[0].from'],
    'with an entry that was only begun': [{ rules: [null] }, 'spec.rules[0]'],
    'with rules that were only begun': [{ rules: null }, 'spec.rules'],
    'that denies nothing': [{ action: 'DENY' }, 'spec.rules'],
    'with a field that is none': [{ action: 'DENY', ruls: [] }, 'spec.ruls'],
  };
  for (const [name, [spec, field]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(spec);
      assert.ok(!decoded.ok);
      assert.equal(decoded.error.field, field);
      assert.equal(decoded.error.object, 'AuthorizationPolicy shop/p');
      assert.equal(decoded.error.id, 'AuthorizationPolicy/shop/p');
    });

  it('but one without rules allows nothing, as Istio has it', () => {
    const decoded = decode({});
    assert.ok(
      decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'AuthorizationPolicy',
    );
    assert.deepEqual([decoded.value.object.action, decoded.value.object.rules], ['ALLOW', []]);
  });
});
