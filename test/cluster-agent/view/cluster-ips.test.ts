import assert from 'node:assert/strict';
import { objectId, type ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { formatTouched } from '@isthmus/cluster-agent/keys/touched.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { objectsOf } from '../../fakes/cluster.ts';

function service(name: string, seconds: number, ips: readonly string[]): ServiceObject {
  const at = new Date(seconds * 1000).toISOString();
  const [object] = objectsOf(`
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, creationTimestamp: '${at}' }
spec: { clusterIPs: [${ips.map((ip) => `'${ip}'`).join(', ')}], ports: [{ port: 80 }] }
`).values();
  assert.ok(object?.kind === 'Service');
  return object;
}

describe('the ClusterIPs of services', () => {
  let view: ClusterView;
  const put = (object: ServiceObject) =>
    [...view.apply([{ type: 'upsert', id: objectId('Service', object.metadata), object }])].map(
      formatTouched,
    );
  const remove = ({ metadata }: ServiceObject) =>
    [...view.apply([{ type: 'remove', id: objectId('Service', metadata) }])].map(formatTouched);
  const touches = (name: string) =>
    formatTouched({
      kind: 'addresses',
      service: `shop/${name}.shop.svc.cluster.local` as never,
    });

  beforeEach(() => {
    view = new ClusterView();
  });

  it('are those of its spec, of both families, in its order', () => {
    const cart = service('cart', 1, ['10.96.0.1', 'fd00::1']);
    put(cart);
    assert.deepEqual(view.clusterIPsOf(cart), ['10.96.0.1', 'fd00::1']);
  });

  it('are none of a headless service', () => {
    const cart = service('cart', 1, ['None']);
    put(cart);
    assert.deepEqual(view.clusterIPsOf(cart), []);
  });

  for (const order of ['after', 'before'] as const)
    it(`belong to the newer one of two services, read ${order} the older one, until that is gone`, () => {
      const old = service('old', 1, ['10.96.0.1', 'fd00::1']);
      const young = service('young', 2, ['10.96.0.1']);
      for (const one of order === 'after' ? [old, young] : [young, old]) put(one);
      assert.deepEqual(view.clusterIPsOf(young), ['10.96.0.1']);
      assert.deepEqual(view.clusterIPsOf(old), ['fd00::1']);
      assert.ok(remove(young).includes(touches('old')));
      assert.deepEqual(view.clusterIPsOf(old), ['10.96.0.1', 'fd00::1']);
    });

  it('touch the service that loses them', () => {
    put(service('old', 1, ['10.96.0.1']));
    assert.ok(put(service('young', 2, ['10.96.0.1'])).includes(touches('old')));
    assert.ok(!remove(service('old', 1, ['10.96.0.1'])).includes(touches('young')));
  });

  it('of two services of one second belong to the same one, whichever was read first', () => {
    const [a, b] = [service('a', 1, ['10.96.0.1']), service('b', 1, ['10.96.0.1'])];
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      view = new ClusterView();
      for (const one of order) put(one);
      assert.deepEqual([view.clusterIPsOf(a), view.clusterIPsOf(b)], [[], ['10.96.0.1']]);
    }
  });
});
