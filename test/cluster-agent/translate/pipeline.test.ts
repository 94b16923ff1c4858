import assert from 'node:assert/strict';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { walkLimits } from '@isthmus/cluster-agent/translate/walks.ts';
import { inputOf, objectsOf, pipelineOf } from '../../fakes/cluster.ts';

const namespace = (mode: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ${mode} } }
`;
const pod = (i: number) => `---
apiVersion: v1
kind: Pod
metadata: { name: p${i}, namespace: shop }
spec: { nodeName: n, containers: [{}] }
status: { podIP: 10.0.${i >> 8}.${i & 255} }
`;

/** A namespace of so many pods. */
function clusterOf(pods: number, limits = walkLimits) {
  const input = inputOf(namespace('none') + Array.from({ length: pods }, (_, i) => pod(i)).join(''));
  const pipeline = pipelineOf(input, limits);
  const isWalking = () => pipeline.nextPart !== undefined;
  const become = (mode: string) =>
    input.view.apply(
      [...objectsOf(namespace(mode)).values()].map((object: ClusterObject) => ({
        type: 'upsert',
        id: objectId(object.kind, object.metadata),
        object,
      })),
    );
  const ambient = () =>
    [...pipeline.snapshot.workloads.values()].filter(({ transport }) => transport === 'hbone').length;
  return { pipeline, become, ambient, isWalking };
}

describe('what a change reaches', () => {
  for (const [pods, waiting] of [
    [199, 0],
    [200, 0],
    [201, 1],
  ] as const)
    it(`${pods} keys: ${waiting} of them wait to be walked`, () => {
      const { pipeline, become, ambient, isWalking } = clusterOf(pods);
      pipeline.update(become('ambient'), 0);
      assert.deepEqual([ambient(), isWalking()], [pods - waiting, waiting > 0]);
      pipeline.part(0);
      assert.deepEqual([ambient(), isWalking()], [pods, false]);
    });

  it('is walked so many keys at a time, and evaluated once though it is reached again meanwhile', () => {
    const { pipeline, become, ambient } = clusterOf(210, { ...walkLimits, part: 4 });
    pipeline.update(become('ambient'), 0);
    pipeline.part(0);
    assert.equal(ambient(), 204);
    pipeline.update(become('none'), 0);
    for (let next = pipeline.nextPart; next !== undefined; next = pipeline.nextPart) pipeline.part(next);
    assert.equal(ambient(), 0);
  });

  it('names each resource that differs, and no other', () => {
    const { pipeline, become } = clusterOf(3);
    const names = (mode: string) =>
      [...pipeline.update(become(mode), 0)].flatMap((key) => (key.kind === 'resource' ? [key.name] : []));
    assert.deepEqual(
      names('ambient').sort(),
      [0, 1, 2].map((i) => `east//Pod/shop/p${i}`),
    );
    assert.deepEqual(names('ambient'), []);
  });
});
