import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const decode = (container: object, over: { spec?: object; annotations?: object } = {}) =>
  decodeObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'shop', labels: null, annotations: over.annotations ?? null },
    spec: { containers: [container], ...over.spec },
  });

const podOf = (...given: Parameters<typeof decode>) => {
  const decoded = decode(...given);
  assert.ok(decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'Pod');
  return { pod: decoded.value.object, findings: decoded.value.findings };
};

describe('parts of a readiness probe that are not applied are reported', () => {
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
      assert.equal(pod.readinessProbes[0]?.kind, kind);
      assert.deepEqual(
        findings.map(({ field, code, severity }) => [field, code, severity]),
        fields.map((field) => [`spec.containers[0].readinessProbe.${field}`, 'NOT_APPLIED', 'WARNING']),
      );
    });

  it('and a port that the container does not have', () => {
    const readinessProbe = { tcpSocket: { port: 'web' } };
    const other = { ports: [{ name: 'web', containerPort: 80 }] };
    const { pod, findings } = podOf({}, { spec: { containers: [{ readinessProbe }, other] } });
    assert.deepEqual(
      findings.map(({ code, field }) => [code, field]),
      [['PORT_UNKNOWN', 'spec.containers[0].readinessProbe.port']],
    );
    assert.equal(pod.readinessProbes[0]?.port, 0, 'where nobody answers');
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
    'probe waits for longer than 32 bits can say': [
      [{ readinessProbe: { tcpSocket: { port: 1 }, periodSeconds: 2 ** 31 } }],
      'spec.containers[0].readinessProbe.periodSeconds',
    ],
    'probe waits for less than nothing': [
      [{ readinessProbe: { tcpSocket: { port: 1 }, timeoutSeconds: -1 } }],
      'spec.containers[0].readinessProbe.timeoutSeconds',
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
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ports: [{ name: 'x\nLD_PRELOAD=/tmp/x', port: 1 }] },
    });
    assert.equal(!decoded.ok && decoded.error.field, 'spec.ports[0].name');
  });
});
