import assert from 'node:assert/strict';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import { accessLines } from '@isthmus/sandbox/observe/access-log.ts';
import { formatAccess, shownWorkload, type AccessRecord } from '@isthmus/ztunnel/telemetry/access-log.ts';
import { aWorkload } from '../../fakes/records.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const record: AccessRecord = {
  srcAddr: '10.0.0.1:16400',
  srcWorkload: 'front',
  srcNamespace: 'shop',
  srcCluster: 'east',
  srcIdentity: 'spiffe://cluster.local/ns/shop/sa/front',
  dstAddr: '10.0.0.2:15008',
  dstHboneAddr: '10.0.0.2:8080',
  dstService: 'cart.shop.svc.cluster.local',
  dstWorkload: 'cart',
  dstNamespace: 'shop',
  dstCluster: 'east',
  direction: 'inbound',
  dstIdentity: 'spiffe://cluster.local/ns/shop/sa/cart',
  bytesSent: 12,
  bytesRecv: 34,
  durationMillis: 56.4,
};

describe('ztunnel/telemetry access log', () => {
  it("has ztunnel's plain format: fields in order, addresses and numbers bare, other text quoted", () =>
    assert.equal(
      formatAccess(record, now),
      [
        '2026-01-02T03:04:05.678Z',
        'info',
        'access',
        'connection complete',
        'src.addr=10.0.0.1:16400 src.workload="front" src.namespace="shop" ' +
          'src.identity="spiffe://cluster.local/ns/shop/sa/front" src.cluster="east" ' +
          'dst.addr=10.0.0.2:15008 dst.hbone_addr=10.0.0.2:8080 dst.service="cart.shop.svc.cluster.local" ' +
          'dst.workload="cart" dst.namespace="shop" dst.identity="spiffe://cluster.local/ns/shop/sa/cart" ' +
          'dst.cluster="east" direction="inbound" bytes_sent=12 bytes_recv=34 duration="56ms"\n',
      ].join('\t'),
    ));

  it('leaves out what is absent, and is an error when there is one', () => {
    const { srcAddr, dstAddr, direction, bytesSent, bytesRecv, durationMillis } = record;
    const bare = { srcAddr, dstAddr, direction, bytesSent, bytesRecv, durationMillis, srcWorkload: '' };
    const line = formatAccess({ ...bare, error: 'denied' }, now);
    assert.match(line, /\terror\taccess\t/);
    assert.match(line, /\tsrc\.addr=10\.0\.0\.1:16400 dst\.addr=10\.0\.0\.2:15008 direction="inbound" /);
    assert.match(line, / duration="56ms" error="denied"\n$/);
  });

  it('calls a workload by its pod, or by what is known of those that it is one of', () => {
    const pod = aWorkload({ uid: 'x', name: 'cart-7d9f-2xk', workloadName: 'cart', canonicalName: 'basket' });
    assert.equal(shownWorkload(pod), 'cart-7d9f-2xk');
    assert.equal(shownWorkload(parseBaggage('k8s.deployment.name=cart,service.name=basket')), 'cart');
    assert.equal(shownWorkload(parseBaggage('service.name=basket')), 'basket');
    assert.equal(shownWorkload(undefined), undefined);
  });

  for (const hbone of ['cart.shop.svc.cluster.local:8080', '[2001:db8::1]:8080'])
    it(`the address of a tunnel stands bare: ${hbone}`, () =>
      assert.match(
        formatAccess({ ...record, dstHboneAddr: hbone }, now),
        new RegExp(` dst.hbone_addr=[^"]`),
      ));

  it("a peer's text can begin neither a line nor a field", () => {
    const evil = 'x:1 error=none\n2026\tinfo\taccess\tsrc.identity="root"\u001b[2J\u009b2J\u202e';
    const text = formatAccess({ ...record, dstHboneAddr: evil, error: evil }, now);
    assert.equal(text.split('\n').length, 2);
    const [line, ...more] = accessLines(text);
    assert.deepEqual(more, []);
    assert.equal(line?.['src.identity'], record.srcIdentity);
    assert.match(line?.['dst.hbone_addr'] ?? '', /^x:1 error=none\\n/);
    assert.doesNotMatch(text, /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/u);
  });
});
