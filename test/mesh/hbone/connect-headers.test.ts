import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeBaggage, parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import { connectHeaders, readConnectHeaders } from '@isthmus/mesh/hbone/connect-headers.ts';
import { newTraceparent, traceIdOf } from '@isthmus/mesh/hbone/traceparent.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aWorkload } from '../../fakes/records.ts';

const cart = aWorkload({
  uid: 'east//Pod/shop/cart',
  workloadType: 'POD',
  workloadName: 'cart',
  canonicalName: 'cart',
  canonicalRevision: 'v2',
  locality: { region: 'a', zone: 'a1', subzone: '' },
});

describe('mesh/hbone baggage', () => {
  it("has Istio's keys in Istio's order", () =>
    assert.equal(
      encodeBaggage(cart),
      'k8s.cluster.name=east,k8s.namespace.name=shop,k8s.pod.name=cart,service.name=cart,service.version=v2,' +
        'cloud.region=a,cloud.availability_zone=a1',
    ));

  it('leaves out what is unknown', () => {
    const bare = aWorkload({ uid: 'x', workloadName: 'cart', workloadType: 'CRONJOB' });
    assert.equal(encodeBaggage(bare), 'k8s.cluster.name=east,k8s.namespace.name=shop,k8s.cronjob.name=cart');
  });

  it('is read as it was written', () =>
    assert.deepEqual(parseBaggage(encodeBaggage(cart)), {
      cluster: 'east',
      namespace: 'shop',
      workloadName: 'cart',
      canonicalName: 'cart',
      canonicalRevision: 'v2',
      locality: { region: 'a', zone: 'a1' },
    }));

  it('is read with nothing in it that could break a log line', () =>
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), fc.string({ maxLength: 5000 }), (name, region) => {
        const { locality, ...rest } = parseBaggage(`service.name=${name},cloud.region=${region}`);
        for (const value of [...Object.values(rest), locality.region, locality.zone])
          assert.doesNotMatch(value, /[\r\n\t"=,|]/);
      }),
    ));
});

describe('mesh/hbone headers of a CONNECT', () => {
  const client = '127.1.17.1:16400';
  const traceparent = newTraceparent(seededRandom(1));
  const said = { source: cart, client, traceparent };

  it('say who calls, whom, and in which trace', () =>
    assert.deepEqual(connectHeaders({ ...said, service: 'cart.shop.svc.cluster.local' }), {
      baggage: encodeBaggage(cart),
      forwarded: `for="${client}";host=cart.shop.svc.cluster.local`,
      traceparent,
    }));

  it('name no service where a pod was called', () =>
    assert.equal(connectHeaders({ ...said, service: undefined })['forwarded'], `for="${client}"`));

  it('are read as they were written', () => {
    const headers = connectHeaders({ ...said, service: 'cart.shop' });
    const read = readConnectHeaders({ ...headers, 'x-forwarded-network': 'network-west' });
    assert.deepEqual(read, {
      baggage: parseBaggage(encodeBaggage(cart)),
      network: 'network-west',
      service: 'cart.shop',
      trace: traceIdOf(traceparent),
    });
  });

  it('are all absent at a peer that sends none', () =>
    assert.deepEqual(readConnectHeaders({}), {
      baggage: parseBaggage(undefined),
      network: undefined,
      service: undefined,
      trace: undefined,
    }));

  const hosts: readonly (readonly [string, string | undefined])[] = [
    ['for="10.0.0.1:80";host=cart.shop', 'cart.shop'],
    ['for="10.0.0.1:80";host="cart.shop"', 'cart.shop'],
    ['host=Cart.Shop;for="10.0.0.1:80"', 'cart.shop'],
    ['for="10.0.0.1:80"; host=cart.shop ', 'cart.shop'],
    ['for="10.0.0.1:80"', undefined],
    ['host=', undefined],
    ['host="a b"', undefined],
    ['proto=host=cart', undefined],
  ];
  for (const [forwarded, service] of hosts)
    it(`forwarded ${forwarded} means ${service ?? 'no service'}`, () =>
      assert.equal(readConnectHeaders({ forwarded }).service, service));
});

describe('mesh/hbone headers of a CONNECT, from anybody', () => {
  const text = fc.option(fc.string({ unit: 'binary', maxLength: 3000 }), { nil: undefined });
  const names = ['baggage', 'forwarded', 'traceparent', 'x-forwarded-network'] as const;

  it('are read without an exception, and yield names only', () =>
    fc.assert(
      fc.property(fc.tuple(text, text, text, text), (values) => {
        const sent = names.flatMap((name, i) =>
          values[i] === undefined ? [] : [[name, values[i]] as const],
        );
        const { service, trace } = readConnectHeaders(Object.fromEntries(sent));
        assert.match(service ?? 'none', /^[a-z0-9._-]+$/);
        assert.match(trace ?? '0'.repeat(32), /^[0-9a-f]{32}$/);
      }),
    ));
});

describe('mesh/hbone traceparent', () => {
  it('has the form of W3C Trace Context, and is another each time', () => {
    const random = seededRandom(7);
    const [first, second] = [newTraceparent(random), newTraceparent(random)];
    for (const one of [first, second]) assert.match(one, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.notEqual(traceIdOf(first), traceIdOf(second));
  });

  for (const text of ['', '00', `00-${'A'.repeat(32)}-${'0'.repeat(16)}-00`, `00-${'0'.repeat(32)}-x-00`])
    it(`'${text}' has no trace`, () => assert.equal(traceIdOf(text), undefined));
});
