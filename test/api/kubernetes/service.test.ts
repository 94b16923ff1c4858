import assert from 'node:assert/strict';
import { readService, serviceSchema } from '@isthmus/api/kubernetes/service.ts';

const metadata = {
  name: 'cart',
  namespace: 'shop',
  uid: '',
  createdAt: 0,
  labels: {},
  annotations: {},
};

describe('the families of a Service', () => {
  for (const [families, expected] of [
    [undefined, 'AUTOMATIC'],
    [[], 'AUTOMATIC'],
    [['IPv4'], 'IPV4_ONLY'],
    [['IPv6'], 'IPV6_ONLY'],
    [['IPv6', 'IPv4'], 'DUAL'],
  ] as const)
    it(`${JSON.stringify(families)}: ${expected}`, () => {
      const read = serviceSchema.parse({ spec: { ...(families && { ipFamilies: families }) } });
      assert.equal(readService(read, metadata).ipFamilies, expected);
    });
});
