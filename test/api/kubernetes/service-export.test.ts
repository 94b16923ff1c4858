import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const serviceExport = (over: object = {}) => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name: 'cart', namespace: 'shop' },
  ...over,
});

describe('a ServiceExport', () => {
  const taken: Record<string, [object, readonly string[]]> = {
    'without a spec': [{}, []],
    'with a status': [{ status: { conditions: [{ type: 'Valid', status: 'True' }] } }, []],
    'with labels to export': [{ spec: { exportedLabels: { a: 'b' } } }, ['NOT_APPLIED spec.exportedLabels']],
    'with nothing to export beside the service': [{ spec: { exportedLabels: {} } }, []],
    'with annotations to export': [
      { spec: { exportedAnnotations: { a: 'b' } } },
      ['NOT_APPLIED spec.exportedAnnotations'],
    ],
    'with a field that MCS does not have': [
      { spec: { exportedLabel: {} } },
      ['UNKNOWN_FIELD spec.exportedLabel'],
    ],
  };
  for (const [name, [over, findings]] of Object.entries(taken))
    it(name, () => {
      const decoded = decodeObject(serviceExport(over));
      assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
      assert.deepEqual(
        decoded.value.findings.map(({ code, field }) => `${code} ${field}`),
        findings,
      );
      const { object } = decoded.value;
      assert.deepEqual([object.kind, object.metadata.namespace], ['ServiceExport', 'shop']);
    });

  for (const [length, isTaken] of [
    [62, true],
    [63, true],
    [64, false],
  ] as const)
    it(`whose name has ${length} letters is ${isTaken ? 'taken' : 'refused, as no Service can have that name'}`, () => {
      const name = 'a'.repeat(length);
      const decoded = decodeObject(serviceExport({ metadata: { name, namespace: 'shop' } }));
      assert.equal(decoded.ok, isTaken);
      if (!decoded.ok) assert.equal(decoded.error.field, 'metadata.name');
    });

  it('whose spec is no map is refused with its field', () => {
    const decoded = decodeObject(serviceExport({ spec: 'all' }));
    assert.ok(!decoded.ok);
    assert.deepEqual(
      [decoded.error.object, decoded.error.field, decoded.error.message],
      ['ServiceExport shop/cart', 'spec', 'must be an object, and is a string'],
    );
  });
});
