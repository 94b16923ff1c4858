import assert from 'node:assert/strict';
import { healthConditions } from '@isthmus/cluster-agent/health/conditions.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { Finding } from '@isthmus/cluster-agent/health/tracker.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { viewOf } from '../fakes/cluster.ts';
import { assertScales, type Work } from './doubled.ts';

const [template] = viewOf(`apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{ name: c }] }`).pods();

/** Findings looked at when so many pods of ten nodes each are not healthy, and when one more is. */
function work(size: number): Work {
  let visits = 0;
  const problems = new Problems();
  const find = (i: number) => {
    assert.ok(template);
    const pod = { ...template, metadata: { ...template.metadata, name: `p${i}` } };
    const problem = { cause: 'PROXY_MISSING' as const, object: `Node n${Math.floor(i / 10)}` };
    const finding: Finding = {
      pod,
      part: 'AMBIENT',
      startingUntil: -Infinity,
      get verdict() {
        visits++;
        return { problem, stale: undefined, provenBy: undefined, until: Infinity };
      },
    };
    problems.set(podKey(pod.metadata), finding);
  };
  for (let i = 0; i < size; i++) find(i);
  healthConditions(problems, 0);
  const firstSync = visits;
  find(size);
  const conditions = healthConditions(problems, 0);
  assert.match(conditions.at(-1)?.message ?? '', new RegExp(`^the same holds for ${size / 10 - 9} more: `));
  return { firstSync, change: visits - firstSync };
}

describe('the size of the report on a cluster', () => {
  it('looks at as many findings when one of 1,000 or of 2,000 pods changes: those that it shows', () => {
    assertScales(work, 1000);
    assert.ok(work(2000).change <= 50, `${work(2000).change} findings`);
  });
});
