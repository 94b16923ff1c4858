import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const object = (apiVersion: string, kind: string, over: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name: 'a', namespace: 'shop' },
  ...over,
});

describe('a kind that Isthmus does not use is ignored, whatever its name and shape', () => {
  const table: Record<string, [object, string]> = {
    'a ClusterRole with colons in its name': [
      object('rbac.authorization.k8s.io/v1', 'ClusterRole', { metadata: { name: 'system:some:thing' } }),
      'ClusterRole default/system:some:thing',
    ],
    'a Kustomization without metadata': [
      { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: ['a.yaml'] },
      'Kustomization default/?',
    ],
    "kind's Cluster": [
      { apiVersion: 'kind.x-k8s.io/v1alpha4', kind: 'Cluster', nodes: [{ role: 'worker' }] },
      'Cluster default/?',
    ],
    'a kubeconfig': [{ apiVersion: 'v1', kind: 'Config', clusters: [] }, 'Config default/?'],
    'a ConfigMap': [object('v1', 'ConfigMap'), 'ConfigMap shop/a'],
    'a Service of Knative': [object('serving.knative.dev/v1', 'Service'), 'Service shop/a'],
    'an AuthorizationPolicy of Linkerd': [
      object('policy.linkerd.io/v1alpha1', 'AuthorizationPolicy'),
      'AuthorizationPolicy shop/a',
    ],
    'a VirtualService': [object('networking.istio.io/v1', 'VirtualService'), 'VirtualService shop/a'],
    'an HTTPRoute': [object('gateway.networking.k8s.io/v1', 'HTTPRoute'), 'HTTPRoute shop/a'],
    'a Gateway of Istio': [object('networking.istio.io/v1', 'Gateway'), 'Gateway shop/a'],
    'a ServiceImport': [object('multicluster.x-k8s.io/v1alpha1', 'ServiceImport'), 'ServiceImport shop/a'],
    'a ServiceExport of Amazon': [
      object('application-networking.k8s.aws/v1alpha1', 'ServiceExport'),
      'ServiceExport shop/a',
    ],
    'a RequestAuthentication': [
      object('security.istio.io/v1', 'RequestAuthentication'),
      'RequestAuthentication shop/a',
    ],
    'a name that is not text': [
      object('apps/v1', 'Deployment', { metadata: { name: 1 } }),
      'Deployment default/?',
    ],
    'metadata that is a list': [object('apps/v1', 'Deployment', { metadata: ['x'] }), 'Deployment default/?'],
  };
  for (const [name, [raw, what]] of Object.entries(table))
    it(name, () => {
      const decoded = decodeObject(raw);
      assert.ok(decoded.ok && decoded.value.kind === 'skipped', JSON.stringify(decoded));
      assert.equal(decoded.value.what, what);
    });
});

describe('what is not an object of Kubernetes is not a rejection', () => {
  const table: Record<string, unknown> = {
    'values of a Helm chart': { replicas: 1, image: { tag: 'v1' } },
    'values with a kind': { kind: 'DaemonSet', replicas: 1 },
    'a Chart.yaml': { apiVersion: 'v2', name: 'shop', version: '1.0.0' },
    'a version that is a number': { apiVersion: 1, datasources: [] },
    'a list of other things': [{ hosts: 'all' }, 'x'],
    'an empty map': {},
  };
  for (const [name, raw] of Object.entries(table))
    it(name, () => assert.deepEqual(decodeObject(raw), { ok: true, value: { kind: 'foreign' } }));

  const refused: Record<string, [unknown, string, string, RegExp]> = {
    'but text is': ['hello', 'NO_OBJECT', '', /is not an object/],
    'and so is a list of objects': [[object('v1', 'Pod')], 'NO_OBJECT', '', /items of a List/],
    'and an object without a kind': [
      { apiVersion: 'v1', metadata: { name: 'a' } },
      'MISSING_FIELD',
      'kind',
      /kind is required/,
    ],
    'and one whose kind has a misspelt name': [
      { apiVersion: 'v1', knd: 'Service', metadata: { name: 'a' } },
      'MISSING_FIELD',
      'knd',
      /unknown field "knd"; did you mean "kind"\?/,
    ],
    'and one without an apiVersion': [
      { kind: 'Service', metadata: { name: 'a' }, spec: {} },
      'MISSING_FIELD',
      'apiVersion',
      /apiVersion is required/,
    ],
  };
  for (const [name, [raw, code, field, message]] of Object.entries(refused))
    it(name, () => {
      const decoded = decodeObject(raw);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.code, decoded.error.severity], [code, 'ERROR']);
      assert.equal(decoded.error.field, field);
      assert.match(decoded.error.message, message);
    });
});

describe('a misspelt kind or apiVersion is refused with the word that is meant', () => {
  const table: Record<string, [string, string, string, string]> = {
    Servcie: ['v1', 'Servcie', 'kind', 'Service'],
    'a kind in lower case': ['v1', 'service', 'kind', 'Service'],
    Pdo: ['v1', 'Pdo', 'kind', 'Pod'],
    ServiceAcount: ['v1', 'ServiceAcount', 'kind', 'ServiceAccount'],
    EndpointSlce: ['discovery.k8s.io/v1', 'EndpointSlce', 'kind', 'EndpointSlice'],
    AuthorisationPolicy: ['security.istio.io/v1', 'AuthorisationPolicy', 'kind', 'AuthorizationPolicy'],
    'v2 of the core': ['v2', 'Service', 'apiVersion', 'v1'],
    'V1 of the core': ['V1', 'Pod', 'apiVersion', 'v1'],
    'another group of Kubernetes': ['apps/v1', 'Service', 'apiVersion', 'v1'],
    'a version that Istio never had': [
      'security.istio.io/v2',
      'AuthorizationPolicy',
      'apiVersion',
      'security.istio.io/v1',
    ],
    'another group of Istio': [
      'networking.istio.io/v1',
      'PeerAuthentication',
      'apiVersion',
      'security.istio.io/v1',
    ],
    Gatewy: ['gateway.networking.k8s.io/v1', 'Gatewy', 'kind', 'Gateway'],
    'a version of the Gateway API that is no longer': [
      'gateway.networking.k8s.io/v1alpha2',
      'Gateway',
      'apiVersion',
      'gateway.networking.k8s.io/v1',
    ],
    ServiceExprt: ['multicluster.x-k8s.io/v1alpha1', 'ServiceExprt', 'kind', 'ServiceExport'],
    'a version that MCS never had': [
      'multicluster.x-k8s.io/v3',
      'ServiceExport',
      'apiVersion',
      'multicluster.x-k8s.io/v1beta1',
    ],
    'a group that is misspelt': [
      'secruity.istio.io/v1',
      'AuthorizationPolicy',
      'apiVersion',
      'security.istio.io/v1',
    ],
    'a group and a kind that are': [
      'discovry.k8s.io/v1',
      'EndpointSlce',
      'apiVersion',
      'discovery.k8s.io/v1',
    ],
  };
  for (const [name, [apiVersion, kind, field, meant]] of Object.entries(table))
    it(name, () => {
      const decoded = decodeObject(object(apiVersion, kind));
      assert.ok(!decoded.ok, JSON.stringify(decoded));
      const { code, severity, message } = decoded.error;
      assert.deepEqual([decoded.error.field, severity], [field, 'ERROR']);
      assert.equal(code, field === 'kind' ? 'UNKNOWN_KIND' : 'UNKNOWN_API_VERSION');
      assert.ok(message.endsWith(`did you mean "${meant}"?`), message);
    });

  it('and keeps the id of what is meant, so that its last good form stays', () => {
    const decoded = decodeObject(object('v1', 'Servcie'));
    assert.equal(!decoded.ok && decoded.error.id, 'Service/shop/a');
  });

  it('any other kind of the group of security policies is refused too, and nothing else of its file is lost', () => {
    const decoded = decodeObject(object('security.istio.io/v1', 'AccessRule'));
    assert.ok(!decoded.ok);
    assert.equal(decoded.error.id, undefined);
    assert.equal(decoded.error.message, 'unknown kind "AccessRule"');
  });
});

describe('a field that a kind does not have', () => {
  const found = (raw: object) => {
    const decoded = decodeObject(raw);
    assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
    return decoded.value.findings.map(({ code, severity, field, message }) => {
      assert.deepEqual([code, severity], ['UNKNOWN_FIELD', 'WARNING']);
      return `${field}: ${message}`;
    });
  };
  const container = { name: 'c', image: 'x' };

  const table: Record<string, [object, readonly string[]]> = {
    'of a service': [
      object('v1', 'Service', { spec: { selectr: { app: 'a' }, ports: [{ port: 80, targetport: 8080 }] } }),
      [
        'spec.selectr: unknown field "selectr"; did you mean "selector"?; it has no effect',
        'spec.ports[0].targetport: unknown field "targetport"; did you mean "targetPort"?; it has no effect',
      ],
    ],
    'of a pod, also deep in it and in what is not used': [
      object('v1', 'Pod', {
        spec: { containers: [{ ...container, readinesProbe: {}, resources: { limit: {} } }], affinty: {} },
      }),
      [
        'spec.containers[0].readinesProbe: unknown field "readinesProbe"; did you mean "readinessProbe"?; it has no effect',
        'spec.containers[0].resources.limit: unknown field "limit"; did you mean "limits"?; it has no effect',
        'spec.affinty: unknown field "affinty"; did you mean "affinity"?; it has no effect',
      ],
    ],
    'of metadata': [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a', anotations: {} } },
      ['metadata.anotations: unknown field "anotations"; did you mean "annotations"?; it has no effect'],
    ],
    'that is near to nothing': [
      object('v1', 'Namespace', { colour: 'red' }),
      ['colour: unknown field "colour"; it has no effect'],
    ],
    'none of what Kubernetes has': [
      object('v1', 'Pod', {
        metadata: {
          name: 'a',
          labels: { any: 'x' },
          annotations: { any: 'x' },
          managedFields: [{ fieldsV1: { 'f:x': {} } }],
        },
        spec: {
          containers: [{ ...container, env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'x' } } }] }],
          volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'x' } }] } }],
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          nodeSelector: { any: 'x' },
        },
        status: { phase: 'Running', qosClass: 'BestEffort', startTime: null },
      }),
      [],
    ],
  };
  for (const [name, [raw, expected]] of Object.entries(table))
    it(name, () => assert.deepEqual(found(raw), expected));

  it('are reported up to 20 of one object', () => {
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`zz${i}`, 1]));
    for (const [count, findings] of [
      [19, 19],
      [20, 20],
      [21, 20],
    ] as const)
      assert.equal(found(object('v1', 'Namespace', fields(count))).length, findings);
  });

  it('that has to be there is named when it is misspelt', () => {
    const decoded = decodeObject(object('v1', 'Service', { sepc: {} }));
    assert.ok(!decoded.ok);
    assert.deepEqual(
      [decoded.error.field, decoded.error.message],
      ['sepc', 'unknown field "sepc"; did you mean "spec"?'],
    );
  });

  it('in the spec of a security policy refuses it, with the field that is meant', () => {
    const decoded = decodeObject(
      object('security.istio.io/v1', 'AuthorizationPolicy', { spec: { acton: 'DENY' } }),
    );
    assert.ok(!decoded.ok);
    assert.deepEqual(
      [decoded.error.code, decoded.error.severity, decoded.error.field, decoded.error.message],
      ['UNKNOWN_FIELD', 'ERROR', 'spec.acton', 'unknown field "acton"; did you mean "action"?'],
    );
  });
});

describe('the reason of a refusal', () => {
  const table: Record<string, [object, string, string]> = {
    'a text that is a boolean': [
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: true }, spec: {} },
      'metadata.name',
      'must be a string, and is a boolean: put it in quotes',
    ],
    'a label that is a number': [
      object('v1', 'Service', { metadata: { name: 'a', labels: { version: 1 } } }),
      'metadata.labels.version',
      'must be a string, and is a number: put it in quotes',
    ],
    'a field that is missing': [object('v1', 'Service'), 'spec', 'is required'],
    'a list that is a map': [
      object('v1', 'Service', { spec: { ports: {} } }),
      'spec.ports',
      'must be an array, and is an object',
    ],
  };
  for (const [name, [raw, field, message]] of Object.entries(table))
    it(name, () => {
      const decoded = decodeObject(raw);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.field, decoded.error.message], [field, message]);
    });
});
