import assert from 'node:assert/strict';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { answerWorkloads } from '@isthmus/cluster-agent/answers/workloads-answer.ts';
import { inputOf, translate } from '../../fakes/cluster.ts';

const yaml = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-1, namespace: shop }
spec: { nodeName: n1, containers: [{ name: c }] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
`;
const verdict = (over: Partial<Verdict>): Verdict => ({
  problem: undefined,
  stale: undefined,
  provenBy: undefined,
  until: Infinity,
  ...over,
});
const healthOf = (one: Verdict) => {
  const input = { ...inputOf(yaml), health: { of: () => one, problems: new Problems() } };
  const question = { kind: 'workloads' as const, namespace: '', labels: {}, first: 10, after: '' };
  const { workloads } = answerWorkloads(input, translate(input), question);
  return workloads[0]?.health;
};

describe('the health of a workload that is asked for', () => {
  it('is the verdict that other clusters get, with cause and remedy, beside the pod’s readiness', () => {
    const problem = { cause: 'PROXY_MISSING' as const, object: 'Node n1' };
    assert.deepEqual(healthOf(verdict({ problem })), {
      healthy: false,
      reason: 'PROXY_MISSING',
      stale: false,
      message: 'Node n1 has no ztunnel',
      remedy: 'run a pod of service account istio-system/ztunnel on Node n1',
    });
  });

  it('is stale where it rests on what was last known', () => {
    assert.equal(healthOf(verdict({ stale: 'PROXY' }))?.stale, true);
    assert.deepEqual(healthOf(verdict({})), {
      healthy: true,
      reason: '',
      message: '',
      remedy: '',
      stale: false,
    });
  });
});
