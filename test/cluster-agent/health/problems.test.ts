import assert from 'node:assert/strict';
import fc from 'fast-check';
import { healthConditions } from '@isthmus/cluster-agent/health/conditions.ts';
import type { PlainCause, Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { Finding } from '@isthmus/cluster-agent/health/tracker.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { viewOf } from '../../fakes/cluster.ts';

const names = Array.from({ length: 30 }, (_, i) => `p${i}`);
const view = viewOf(
  names
    .map(
      (name) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{ name: c }] }`,
    )
    .join('\n---\n'),
);

const plain: Verdict = { problem: undefined, stale: undefined, provenBy: undefined, until: Infinity };
const causes: readonly PlainCause[] = ['PROXY_MISSING', 'PROXY_NOT_CONNECTED', 'NOT_READY', 'NO_ADDRESS'];

/** What is found of a pod; undefined: nothing any more. */
const step = fc.record({
  pod: fc.nat(29),
  verdict: fc.oneof(
    fc.record({ cause: fc.constantFrom(...causes), object: fc.option(fc.nat(14)) }),
    fc.constantFrom('PROXY' as const, 'CERTIFICATE' as const, undefined),
  ),
  part: fc.constantFrom('AMBIENT' as const, 'SIDECAR' as const, 'GATEWAY' as const),
  startingUntil: fc.constantFrom(-Infinity, 10, 20, 30),
  later: fc.nat(2),
});

describe('what is found of pods, in sums', () => {
  it('says after any changes what it says of all that there is, at each time, and is empty when nothing is left', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const problems = new Problems();
        const all = new Map<string, Finding>();
        let now = 0;
        const check = () => {
          const whole = new Problems();
          for (const one of all.values()) whole.set(podKey(one.pod.metadata), one);
          assert.deepEqual(healthConditions(problems, now), healthConditions(whole, now));
          assert.equal(problems.nextMissed(now), whole.nextMissed(now));
          for (const cause of causes) {
            const counted = [...all.values()].filter(
              ({ verdict: { problem }, part, startingUntil }) =>
                problem?.cause === cause &&
                cause !== 'NO_ADDRESS' &&
                (cause !== 'NOT_READY' || part === 'GATEWAY') &&
                (cause !== 'PROXY_NOT_CONNECTED' || startingUntil <= now),
            );
            assert.equal(problems.of(cause, now)?.count ?? 0, counted.length);
          }
        };
        for (const { pod, verdict, part, startingUntil, later } of steps) {
          now += later;
          const object = view.get('Pod', 'shop', names[pod]!)!;
          const key = podKey(object.metadata);
          const found: Verdict | undefined =
            typeof verdict === 'object'
              ? {
                  ...plain,
                  problem: {
                    cause: verdict.cause,
                    object: verdict.object === null ? `Pod ${key}` : `Node n${verdict.object}`,
                  },
                }
              : verdict && { ...plain, stale: verdict };
          const finding = found && { pod: object, part, startingUntil, verdict: found };
          problems.set(key, finding);
          if (finding) all.set(key, finding);
          else all.delete(key);
          check();
        }
        for (const name of names) problems.set(podKey({ namespace: 'shop', name }), undefined);
        all.clear();
        check();
        assert.deepEqual(healthConditions(problems, Infinity), []);
      }),
      { numRuns: 100 },
    )).timeout(30_000);
});
