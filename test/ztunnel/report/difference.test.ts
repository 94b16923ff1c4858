import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  proxyReportLimits,
  type HeldCertificate,
  type UnboundPort,
} from '@isthmus/api/domain/proxy-report.ts';
import { proxyReport } from '@isthmus/api/wire/proxy-report.ts';
import { ProxyFacts as TakenFacts } from '@isthmus/cluster-agent/proxies/proxy-facts.ts';
import { difference, messagesOf, received } from '@isthmus/ztunnel/report/difference.ts';
import { noFacts, type ProxyFacts } from '@isthmus/ztunnel/report/facts.ts';

const identity = (i: number) => `spiffe://cluster.local/ns/shop/sa/a${i}`;
const certificate = (i: number, notAfter: number): HeldCertificate => ({
  identity: identity(i),
  serial: 'ab',
  issuerKeyId: 'cd',
  notAfter,
  problem: '',
});
const port = (i: number, code: string): UnboundPort => ({
  place: { address: '127.0.0.1', port: i + 1 },
  code,
});

const number = fc.nat({ max: 5 });
const facts: fc.Arbitrary<ProxyFacts> = fc
  .record({
    certificates: fc.dictionary(number.map(String), number),
    unbound: fc.dictionary(number.map(String), fc.constantFrom('EACCES', 'EADDRINUSE')),
    openConnections: number,
    dials: number,
  })
  .map(({ certificates, unbound, openConnections, dials }) => ({
    certificates: new Map(
      Object.entries(certificates).map(([i, end]) => [identity(Number(i)), certificate(Number(i), end)]),
    ),
    unbound: new Map(Object.entries(unbound).map(([i, code]) => [i, port(Number(i), code)])),
    openConnections,
    connects: new Map(),
    destinations: new Map([
      ['shop/cart', { service: 'shop/cart', requests: dials, failures: 0, inFlight: 0 }],
    ]),
    leftOut: 0,
  }));

const all = { identity: () => true, place: () => true, service: () => true, cluster: () => true };

describe('ztunnel/report difference', () => {
  it('leaves a receiver with what the sender has, whatever changed in between', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 6 }), (history) => {
        const growing = history.map((one, i) => ({
          ...one,
          destinations: new Map([
            ['shop/cart', { service: 'shop/cart', requests: i, failures: 0, inFlight: i }],
          ]),
        }));
        const taken = new TakenFacts(0);
        let sent = noFacts;
        for (const now of growing) {
          const report = difference(sent, now, 'ALL');
          for (const message of report ? messagesOf(report, undefined) : [])
            taken.take({ ...message, refused: [] }, all);
          sent = received(sent, now, 'ALL');
        }
        const last = growing.at(-1)!;
        assert.deepEqual(new Map(taken.certificates), last.certificates);
        assert.deepEqual(new Set(taken.unbound.values()), new Set(last.unbound.values()));
        assert.deepEqual(new Map(taken.destinations), last.destinations);
        assert.equal(taken.refused.count, 0);
      }),
    );
  });

  it('is nothing where nothing differs', () => {
    const now = { ...noFacts, certificates: new Map([['a', certificate(1, 5)]]), openConnections: 3 };
    assert.notEqual(difference(noFacts, now, 'ALL'), undefined);
    assert.equal(difference(received(noFacts, now, 'ALL'), now, 'ALL'), undefined);
  });

  it('leaves counts for later where only news is asked for', () => {
    const now = { ...noFacts, openConnections: 3 };
    assert.equal(difference(noFacts, now, 'NEWS'), undefined);
    assert.equal(difference(received(noFacts, now, 'NEWS'), now, 'ALL')?.openConnections, 3);
  });

  it('goes out in messages of 32 entries, the first of which says who sends it', () => {
    const now = {
      ...noFacts,
      unbound: new Map(Array.from({ length: 65 }, (_, i) => [String(i), port(i, 'EACCES')])),
    };
    const messages = messagesOf(difference(noFacts, now, 'ALL')!, { nodeId: 'me', startedAt: 7 });
    assert.deepEqual(
      messages.map(({ nodeId, unbound }) => [nodeId, unbound.length]),
      [
        ['me', 32],
        ['', 32],
        ['', 1],
      ],
    );
  });

  it('has what was beyond the limit once there is room for it', () => {
    const certificates = new Map(Array.from({ length: 513 }, (_, i) => [identity(i), certificate(i, 1)]));
    const before = { ...noFacts, certificates };
    const fewer = new Map(certificates);
    fewer.delete(identity(0));
    const report = difference(received(noFacts, before, 'ALL'), { ...before, certificates: fewer }, 'NEWS');
    assert.deepEqual(report?.forgotten, [identity(0)]);
    assert.deepEqual(
      report.certificates.map((one) => one.identity),
      [identity(512)],
    );
  });

  it('fits into a message also with the longest names that Kubernetes allows', () => {
    const long = (i: number) =>
      `spiffe://${'d'.repeat(250)}/ns/${'n'.repeat(63)}/sa/${'a'.repeat(240)}${String(i).padStart(4, '0')}`;
    const each = <T>(make: (i: number) => T) =>
      new Map(Array.from({ length: 40 }, (_, i) => [String(i), make(i)]));
    const now: ProxyFacts = {
      ...noFacts,
      certificates: each((i) => ({ ...certificate(i, 1), identity: long(i), serial: 'a'.repeat(40) })),
      unbound: each((i) => port(i, 'EADDRINUSE')),
      destinations: each((i) => ({
        service: `${'n'.repeat(63)}/${'h'.repeat(189)}${i}`,
        requests: 2 ** 40,
        failures: 2 ** 40,
        inFlight: 9,
      })),
    };
    for (const message of messagesOf(difference(noFacts, now, 'ALL')!, undefined)) {
      const bytes = proxyReport.encode({ ...message, refused: [] });
      assert.ok(bytes.length < proxyReportLimits.bytes, `${bytes.length} bytes`);
    }
  });

  for (const [count, sent] of [
    [511, 511],
    [512, 512],
    [513, 512],
  ] as const)
    it(`of ${count} certificates reports ${sent}`, () => {
      const certificates = new Map(Array.from({ length: count }, (_, i) => [identity(i), certificate(i, 1)]));
      assert.equal(difference(noFacts, { ...noFacts, certificates }, 'ALL')?.certificates.length, sent);
    });
});
