import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emptyReport, proxyReportLimits, type ConnectResult } from '@isthmus/api/domain/proxy-report.ts';
import type { ProxySummary } from '@isthmus/api/domain/question.ts';
import * as link from '@isthmus/api/wire/link.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import { proxyReport } from '@isthmus/api/wire/proxy-report.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const place = { address: '127.0.0.9', port: 80 };
const certificate = { identity, serial: 'ab12', issuerKeyId: 'cd34', notAfter: 9, problem: 'UNAVAILABLE' };
const connect: ConnectResult = {
  kind: 'GATEWAY',
  place,
  cluster: 'west',
  connected: 1,
  unreached: 2,
  untrusted: 3,
  refused: 4,
  silent: 5,
  lastFailureAt: 6,
};
const destination = { service: 'shop/cart.shop.svc.cluster.local', requests: 7, failures: 8, inFlight: 9 };
const report: ReadReport = {
  nodeId: 'ztunnel~127.0.0.1~z.istio-system~d',
  certificates: [certificate],
  forgotten: [identity],
  unbound: [{ place, code: 'EACCES' }],
  bound: [place],
  openConnections: 0,
  connects: [connect],
  destinations: [destination],
  leftOut: 3,
  startedAt: 4,
  refused: [],
};

function read(part: Partial<ReadReport>): ReadReport {
  const decoded = proxyReport.decode(proxyReport.encode({ ...report, ...part }));
  assert.ok(decoded.ok);
  return decoded.value;
}

describe('a report of a proxy on the wire', () => {
  it('is read as it was written', () => assert.deepEqual(read({}), report));

  it('tells no connections from a number that is not said', () => {
    assert.equal(read({ openConnections: 0 }).openConnections, 0);
    assert.equal(read({ openConnections: undefined }).openConnections, undefined);
  });

  const wrong: readonly (readonly [string, Partial<ReadReport>])[] = [
    ['certificates', { certificates: [{ ...certificate, identity: 'cart' }] }],
    ['certificates', { certificates: [{ ...certificate, serial: 'AB' }] }],
    ['certificates', { certificates: [{ ...certificate, serial: 'a'.repeat(41) }] }],
    ['certificates', { certificates: [{ ...certificate, issuerKeyId: 'xy' }] }],
    ['certificates', { certificates: [{ ...certificate, problem: 'no\nline' }] }],
    ['forgotten', { forgotten: ['x'] }],
    ['unbound', { unbound: [{ place: { ...place, port: 0 }, code: 'EACCES' }] }],
    ['unbound', { unbound: [{ place, code: 'A'.repeat(65) }] }],
    ['bound', { bound: [{ ...place, address: 'localhost' }] }],
    ['connects', { connects: [{ ...connect, cluster: 'West' }] }],
    ['destinations', { destinations: [{ ...destination, service: 'a b' }] }],
  ];
  for (const [field, part] of wrong)
    it(`refuses that entry alone: ${JSON.stringify(part)}`, () => {
      const { refused, ...rest } = read(part);
      assert.deepEqual(
        refused.map((one) => one.field),
        [field],
      );
      assert.deepEqual({ ...rest, refused: [] }, { ...report, [field]: [] });
    });

  it('takes a serial of 40 digits and a code of 64 characters', () => {
    const part = {
      certificates: [{ ...certificate, serial: 'a'.repeat(40) }],
      unbound: [{ place, code: 'A'.repeat(64) }],
    };
    assert.deepEqual(read(part).refused, []);
  });

  for (const over of [-1, 0, 1])
    it(`of ${proxyReportLimits.bytes + over} bytes is ${over > 0 ? 'refused' : 'taken'}`, () => {
      const bare = { ...emptyReport, refused: [] };
      const empty = proxyReport.encode({ ...bare, nodeId: 'x'.repeat(60_000) }).length - 60_000;
      const bytes = proxyReport.encode({
        ...bare,
        nodeId: 'x'.repeat(proxyReportLimits.bytes + over - empty),
      });
      assert.equal(bytes.length, proxyReportLimits.bytes + over);
      const decoded = proxyReport.decode(bytes);
      assert.equal(decoded.ok, over <= 0);
      if (!decoded.ok) assert.match(decoded.error, /more than 65536: send it in several messages/);
    });
});

describe('the answer to a question for proxies on the wire', () => {
  const summary: ProxySummary = {
    kind: 'ztunnel',
    namespace: 'istio-system',
    pod: 'ztunnel-a',
    node: 'node-a',
    version: '0.1.0',
    upstream: false,
    connectedSince: 5,
    complete: true,
    types: [{ type: 'type.googleapis.com/istio.workload.Address', acknowledged: 2, rejected: 1 }],
    certificates: [{ ...certificate, issued: false }],
    self: {
      startedAt: 6,
      openConnections: 7,
      unbound: [{ place, code: 'EACCES' }],
      connects: [connect],
      destinations: [destination],
      leftOut: 8,
      refused: 9,
      refusedLast: 'connects: a count is lower than before',
    },
  };

  it('is read as it was written, with and without what a proxy reports on itself', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), (reports, total) => {
        const proxies = [reports ? summary : { ...summary, self: undefined }];
        const answer = { kind: 'proxies' as const, proxies, total, hasNext: reports };
        const value = { id: 'q', kind: 'answer' as const, answer };
        assert.deepEqual(link.reply.decode(link.reply.encode(value)), { ok: true, value });
      }),
    );
  });

  it('is refused as a whole where an agent says what cannot be', () => {
    const answer = (part: Partial<ProxySummary>) => {
      const proxies = [{ ...summary, ...part }];
      return link.reply.encode({
        id: 'q',
        kind: 'answer',
        answer: { kind: 'proxies', proxies, total: 1, hasNext: false },
      });
    };
    assert.equal(link.reply.decode(answer({ namespace: 'A B' })).ok, false);
    assert.equal(link.reply.decode(answer({ pod: '../x' })).ok, false);
  });
});
