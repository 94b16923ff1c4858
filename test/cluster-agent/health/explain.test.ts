import assert from 'node:assert/strict';
import { isKnownReason } from '@isthmus/api/domain/reasons.ts';
import { explain } from '@isthmus/cluster-agent/health/explain.ts';
import type { Cause, Problem } from '@isthmus/cluster-agent/health/judge.ts';
import { viewOf } from '../../fakes/cluster.ts';

const pod = viewOf(`apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{ name: c }] }`).get('Pod', 'shop', 'cart')!;

const object = 'Pod istio-system/z1';

describe('a problem in words', () => {
  const cases: readonly (readonly [Problem, string])[] = [
    [
      {
        cause: 'MODE_UNKNOWN',
        object: 'Pod shop/cart',
        label: 'istio-injection',
        value: 'on',
        known: ['enabled', 'disabled'],
      },
      'Pod shop/cart has the label istio-injection: on, which is not one of enabled, disabled',
    ],
    [
      { cause: 'WORKLOAD_REFUSED', object, reason: 'it is odd' },
      'the ztunnel of Pod istio-system/z1 refuses the workload: it is odd',
    ],
    [
      { cause: 'CERTIFICATE_EXPIRED', object, notAfter: Date.UTC(2026, 0, 2) },
      'the certificate of shop/cart at Pod istio-system/z1 expired on 2026-01-02T00:00:00.000Z',
    ],
    [
      { cause: 'CERTIFICATE_REVOKED', object, issuer: 'k1' },
      'the certificate of shop/cart at Pod istio-system/z1 is signed by intermediate k1, which is revoked or unknown to peers',
    ],
    [
      { cause: 'CERTIFICATE_NOT_HELD', object, lastRequest: 'UNAVAILABLE' },
      'the ztunnel of Pod istio-system/z1 reports that it holds no valid certificate for shop/cart (its last request: UNAVAILABLE)',
    ],
    [
      { cause: 'CERTIFICATE_NOT_HELD', object, lastRequest: '' },
      'the ztunnel of Pod istio-system/z1 reports that it holds no valid certificate for shop/cart',
    ],
    [
      { cause: 'CERTIFICATE_MISSING', object },
      'the ztunnel of Pod istio-system/z1 has no certificate for shop/cart',
    ],
  ];
  for (const [problem, text] of cases)
    it(`says: ${text}`, () => assert.equal(explain(problem, pod, 'AMBIENT').cause, text));

  /** One of each cause: the type requires an entry for a cause that is added. */
  const problems: {
    readonly [C in Cause]: Omit<Extract<Problem, { readonly cause: C }>, 'cause' | 'object'>;
  } = {
    NO_ADDRESS: {},
    MODE_UNKNOWN: { label: 'istio.io/dataplane-mode', value: 'ambeint', known: ['ambient', 'none'] },
    NODE_UNKNOWN: {},
    PROXY_MISSING: {},
    PROXY_NOT_CONNECTED: {},
    WORKLOAD_NOT_ACKNOWLEDGED: {},
    WORKLOAD_REFUSED: { reason: 'it has no address' },
    CERTIFICATE_MISSING: {},
    CERTIFICATE_EXPIRED: { notAfter: 1 },
    CERTIFICATE_REVOKED: { issuer: 'k1' },
    CERTIFICATE_NOT_HELD: { lastRequest: 'refused' },
    NOT_READY: {},
  };
  const hasWords = (text: string) => text.trim().split(/\s+/).length >= 3;
  for (const cause of Object.keys(problems) as Cause[])
    it(`${cause} has a severity, and a cause and a remedy for every kind of proxy`, () => {
      assert.ok(isKnownReason(cause));
      const problem = { object, cause, ...problems[cause] } as Problem;
      for (const part of ['AMBIENT', 'SIDECAR', 'GATEWAY'] as const)
        for (const nodeName of ['', 'n1']) {
          const { cause: what, remedy } = explain(problem, { ...pod, nodeName }, part);
          assert.ok(hasWords(what) && hasWords(remedy) && what !== remedy, `${what}; ${remedy}`);
        }
    });
});
