import assert from 'node:assert/strict';
import { clusterOfUid, formatPodUid, isPodUid } from '@isthmus/mesh/records/workload-uid.ts';

describe('the uid of a workload', () => {
  it('of a pod has its cluster, and says that it is one', () => {
    const uid = formatPodUid('east', 'shop/cart-1');
    assert.equal(uid, 'east//Pod/shop/cart-1');
    assert.deepEqual([isPodUid(uid), clusterOfUid(uid)], [true, 'east']);
  });

  for (const [uid, cluster] of [
    ['east/discovery.k8s.io/EndpointSlice/shop/cart/10.0.0.1', 'east'],
    ['NetworkGateway/n2/127.0.0.1/15008', 'NetworkGateway'],
    ['east/networking.istio.io/WorkloadEntry/shop/x//Pod/y', 'east'],
    ['w1', ''],
    ['', ''],
  ] as const)
    it(`of anything else is no pod's: ${JSON.stringify(uid)}`, () =>
      assert.deepEqual([isPodUid(uid), clusterOfUid(uid)], [false, cluster]));
});
