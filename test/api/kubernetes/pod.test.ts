import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const decode = (container: object, over: { spec?: object; annotations?: object } = {}) =>
  decodeObject({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: 'p', namespace: 'shop', labels: null, annotations: over.annotations ?? null },
    spec: { containers: [container], ...over.spec },
  });

const podOf = (...given: Parameters<typeof decode>) => {
  const decoded = decode(...given);
  assert.ok(decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'Pod');
  return { pod: decoded.value.object, findings: decoded.value.findings };
};

describe('what of a readiness probe is not applied is told', () => {
  const port = 8080;
  const table: Record<string, [object, string | undefined, readonly string[]]> = {
    'nothing of a TCP one': [{ tcpSocket: { port } }, 'tcpSocket', []],
    'nothing of an HTTP one': [{ httpGet: { port, path: '/ready?x=%20' } }, 'httpGet', []],
    exec: [{ exec: { command: ['true'] } }, undefined, ['exec']],
    grpc: [{ grpc: { port } }, undefined, ['grpc']],
    'HTTPS: it is connected to, as it would answer no HTTP': [
      { httpGet: { port, scheme: 'HTTPS' } },
      'tcpSocket',
      ['httpGet.scheme'],
    ],
    'another host': [{ httpGet: { port, host: 'example.com' } }, 'httpGet', ['host']],
    headers: [
      { httpGet: { port, httpHeaders: [{ name: 'a', value: 'b' }] } },
      'httpGet',
      ['httpGet.httpHeaders'],
    ],
  };
  for (const [name, [readinessProbe, kind, fields]] of Object.entries(table))
    it(name, () => {
      const { pod, findings } = podOf({ readinessProbe });
      assert.equal(pod.readinessProbe?.kind, kind);
      assert.deepEqual(
        findings.map(({ field, code, severity }) => [field, code, severity]),
        fields.map((field) => [`spec.containers[0].readinessProbe.${field}`, 'NOT_APPLIED', 'WARNING']),
      );
    });

  it('and the probe of a second container', () => {
    const readinessProbe = { tcpSocket: { port } };
    const { findings } = podOf({}, { spec: { containers: [{ readinessProbe }, {}, { readinessProbe }] } });
    assert.deepEqual(
      findings.map(({ field }) => field),
      ['spec.containers[2].readinessProbe'],
    );
  });
});

describe('a pod is refused whose', () => {
  const table: Record<string, [Parameters<typeof decode>, string]> = {
    'port name breaks the line': [
      [{ ports: [{ name: 'x\nLD_PRELOAD=/tmp/x', containerPort: 1 }] }],
      'spec.containers[0].ports[0].name',
    ],
    'node name does': [[{}, { spec: { nodeName: 'n\nA=b' } }], 'spec.nodeName'],
    'service account does': [[{}, { spec: { serviceAccountName: 'a\nb' } }], 'spec.serviceAccountName'],
    'probe asks for a path with a space': [
      [{ readinessProbe: { httpGet: { port: 1, path: '/a b' } } }],
      'spec.containers[0].readinessProbe.httpGet.path',
    ],
    'probe asks for a path without a slash': [
      [{ readinessProbe: { httpGet: { port: 1, path: 'a' } } }],
      'spec.containers[0].readinessProbe.httpGet.path',
    ],
    'probe waits for longer than a timer can': [
      [{ readinessProbe: { tcpSocket: { port: 1 }, periodSeconds: 1e9 } }],
      'spec.containers[0].readinessProbe.periodSeconds',
    ],
    'application address is a name': [
      [{}, { annotations: { 'isthmus.io/app-address': 'localhost' } }],
      'metadata.annotations.isthmus.io/app-address',
    ],
  };
  for (const [name, [given, field]] of Object.entries(table))
    it(name, () => {
      const decoded = decode(...given);
      assert.ok(!decoded.ok);
      assert.equal(decoded.error.field, field);
    });

  it('service’s port name breaks the line', () => {
    const decoded = decodeObject({
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } },
      spec: { ports: [{ name: 'x\nLD_PRELOAD=/tmp/x', port: 1 }] },
    });
    assert.equal(!decoded.ok && decoded.error.field, 'spec.ports[0].name');
  });
});
