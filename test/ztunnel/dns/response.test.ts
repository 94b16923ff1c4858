import assert from 'node:assert/strict';
import type { DecodedPacket, OptAnswer } from 'dns-packet';
import { decoded } from './asked.ts';
import fc from 'fast-check';
import { answerMessage, datagramRoom, errorMessage, fitted } from '@isthmus/ztunnel/dns/response.ts';
import { answerTo, queryOf, questionBytes, withEdns } from './asked.ts';

const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
const optOf = ({ additionals = [] }: DecodedPacket): OptAnswer | undefined =>
  additionals.find((one): one is OptAnswer => one.type === 'OPT');

describe('an answer', () => {
  it('has authority, the question as it was written, and the addresses for 30 s', () => {
    const said = decoded(
      answerMessage(queryOf(questionBytes('Cart.Shop')), undefined, ['10.0.0.1', '10.0.0.2']),
    );
    assert.equal(said.id, 0x1234);
    assert.equal(said.rcode, 'NOERROR');
    assert.deepEqual(
      [said.flag_qr, said.flag_aa, said.flag_rd, said.flag_ra, said.flag_tc],
      [true, true, true, true, false],
    );
    assert.deepEqual(said.questions, [{ name: 'Cart.Shop', type: 'A', class: 'IN' }]);
    assert.deepEqual(
      said.answers?.map((one) => ({ ...one })),
      ['10.0.0.1', '10.0.0.2'].map((data) => ({
        name: 'Cart.Shop',
        type: 'A',
        ttl: 30,
        class: 'IN',
        flush: false,
        data,
      })),
    );
    assert.equal(optOf(said), undefined);
  });

  it('names what its client meant where a search domain was appended', () => {
    const query = queryOf(questionBytes('cart.shop.shop.svc.cluster.local', 'AAAA'));
    const { answers = [] } = decoded(answerMessage(query, 'cart.shop', ['fd00::1', 'fd00::2']));
    assert.deepEqual(
      answers.map((one) => [one.name, one.type, 'data' in one ? one.data : undefined]),
      [
        ['cart.shop.shop.svc.cluster.local', 'CNAME', 'cart.shop'],
        ['cart.shop', 'AAAA', 'fd00::1'],
        ['cart.shop', 'AAAA', 'fd00::2'],
      ],
    );
  });

  it('without an address says that the name exists', () => {
    const said = decoded(answerMessage(queryOf(questionBytes('cart', 'AAAA')), 'cart', []));
    assert.deepEqual(
      [said.rcode, said.flag_aa, said.answers?.length, said.authorities?.length],
      ['NOERROR', true, 0, 0],
    );
  });

  it('has an OPT where the question had one, with its size, of at least 512', () => {
    for (const [asked, expected] of [
      [511, 512],
      [512, 512],
      [513, 513],
      [1232, 1232],
    ] as const) {
      const query = queryOf(questionBytes('cart', 'A', withEdns(asked, 0x8000)));
      const opt = optOf(decoded(answerMessage(query, undefined, ['10.0.0.1'])));
      assert.deepEqual([opt?.udpPayloadSize, opt?.ednsVersion, opt?.flag_do], [expected, 0, true]);
    }
  });

  it('that cannot be given has the question, and no authority', () => {
    const said = decoded(errorMessage(queryOf(questionBytes('cart', 'A', withEdns(1232))), 'SERVFAIL'));
    assert.deepEqual([said.rcode, said.flag_aa, said.questions?.[0]?.name], ['SERVFAIL', false, 'cart']);
    assert.equal(optOf(said)?.udpPayloadSize, 1232);
  });

  it('may be as large over UDP as the client says, of 512 to 65,000 bytes', () => {
    const roomFor = (payload: number) => datagramRoom(queryOf(questionBytes('cart', 'A', withEdns(payload))));
    assert.deepEqual(
      [511, 512, 513, 64_999, 65_000, 65_001].map(roomFor),
      [512, 512, 513, 64_999, 65_000, 65_000],
    );
    assert.equal(datagramRoom(queryOf(questionBytes('cart'))), 512);
  });
});

describe('an answer that is cut', () => {
  it('holds as many addresses as there is room for: each takes 16 bytes', () => {
    const query = queryOf(questionBytes('cart'));
    const fixed = query.bytes.length;
    for (const [count, room, kept, isCut] of [
      [4, fixed + 64, 4, false],
      [4, fixed + 63, 3, true],
      [5, fixed + 64, 4, true],
    ] as const) {
      const said = decoded(fitted(answerMessage(query, undefined, addresses(count)), room));
      assert.deepEqual([said.answers?.length, said.flag_tc], [kept, isCut]);
    }
  });

  it('keeps its OPT', () => {
    const query = queryOf(questionBytes('cart', 'A', withEdns(600)));
    const said = decoded(fitted(answerMessage(query, undefined, addresses(100)), datagramRoom(query)));
    assert.equal(optOf(said)?.udpPayloadSize, 600);
    assert.deepEqual(
      [said.flag_tc, said.answers?.length],
      [true, Math.floor((600 - query.bytes.length) / 16)],
    );
  });

  it('is not marked where only what is additional is missing', () => {
    const asked = questionBytes('cart');
    const glue = addresses(40).map((data) => ({ type: 'A' as const, name: 'glue.example', ttl: 1, data }));
    const said = decoded(fitted(answerTo(asked, '10.0.0.1', { additionals: glue }), 512));
    assert.deepEqual([said.flag_tc, said.answers?.length], [false, 1]);
    assert.ok((said.additionals?.length ?? 0) < 40);
  });

  it('of bytes that are no message keeps the header', () => {
    const broken = Buffer.concat([answerTo(questionBytes('cart'), '10.0.0.1'), Buffer.alloc(600)]);
    const said = decoded(fitted(broken, 512));
    assert.deepEqual(
      [said.id, said.flag_tc, said.questions?.length, said.answers?.length],
      [0x1234, true, 0, 0],
    );
  });

  it('is whole in any room, and is what dns-packet reads', () =>
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 512, max: 4000 }), fc.boolean(), (count, room, hasEdns) => {
        const query = queryOf(questionBytes('cart.shop', 'A', hasEdns ? withEdns(4096) : {}));
        const whole = answerMessage(query, count % 2 === 0 ? 'cart' : undefined, addresses(count));
        const said = fitted(whole, room);
        const read = decoded(said);
        assert.ok(said.length <= room);
        assert.equal(read.flag_tc, whole.length > room);
        assert.equal(optOf(read) !== undefined, hasEdns);
        const ips = (read.answers ?? []).filter(({ type }) => type === 'A');
        assert.deepEqual(
          ips.map((one) => ('data' in one ? one.data : undefined)),
          addresses(count).slice(0, ips.length),
        );
      }),
    ));
});
