import assert from 'node:assert/strict';
import { emptyReport, proxyReportLimits } from '@isthmus/api/domain/proxy-report.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import { ProxyFacts, type Allowed } from '@isthmus/cluster-agent/proxies/proxy-facts.ts';

const all: Allowed = { identity: () => true, place: () => true, service: () => true, cluster: () => true };
const certificate = (name: string) => ({
  identity: `spiffe://cluster.local/ns/shop/sa/${name}`,
  serial: 'ab',
  issuerKeyId: 'cd',
  notAfter: 9,
  problem: '',
});
const load = (service: string, requests = 1) => ({ service, requests, failures: 0, inFlight: 0 });
const unbound = (port: number) => ({ place: { address: '127.0.0.1', port }, code: 'EACCES' });
const dial = (port: number, connected = 1) => ({
  kind: 'ENDPOINT' as const,
  place: { address: '127.0.0.1', port },
  cluster: 'west',
  connected,
  unreached: 0,
  untrusted: 0,
  refused: 0,
  silent: 0,
  lastFailureAt: 0,
});
const report = (part: Partial<ReadReport>): ReadReport => ({ ...emptyReport, refused: [], ...part });

describe('cluster-agent/proxies facts', () => {
  it('says whose certificates are others now', () => {
    const facts = new ProxyFacts(0);
    const [a, b] = [certificate('a'), certificate('b')];
    assert.deepEqual(facts.take(report({ certificates: [a, b] }), all), [a.identity, b.identity]);
    assert.deepEqual(facts.take(report({ forgotten: [a.identity, 'unknown'] }), all), [a.identity]);
    assert.deepEqual([...facts.certificates.keys()], [b.identity]);
  });

  const foreign: readonly (readonly [string, Partial<ReadReport>, Partial<Allowed>])[] = [
    [
      'an identity of a pod that it does not serve',
      { certificates: [certificate('a')] },
      { identity: () => false },
    ],
    ['an address of others', { unbound: [unbound(80)] }, { place: () => false }],
    ['a service that it does not know', { destinations: [load('shop/x')] }, { service: () => false }],
    ['a cluster that it cannot have dialled', { connects: [dial(80)] }, { cluster: () => false }],
  ];
  for (const [what, part, not] of foreign)
    it(`does not take ${what}, and takes the rest`, () => {
      const facts = new ProxyFacts(0);
      facts.take(report({ ...part, openConnections: 3 }), { ...all, ...not });
      assert.equal(facts.refused.count, 1);
      assert.equal(facts.openConnections, 3);
      assert.equal(
        facts.certificates.size + facts.unbound.size + facts.connects.size + facts.destinations.size,
        0,
      );
    });

  it('does not take a count that falls', () => {
    const facts = new ProxyFacts(0);
    facts.take(report({ destinations: [load('shop/a', 5)], connects: [dial(1, 5)] }), all);
    facts.take(report({ destinations: [load('shop/a', 4)], connects: [dial(1, 4)] }), all);
    assert.equal(facts.refused.count, 2);
    assert.match(facts.refused.last, /shop\/a is lower than before/);
    assert.equal(facts.destinations.get('shop/a')?.requests, 5);
  });

  const limits = [
    ['certificates', (i: number) => certificate(`a${i}`)],
    ['unbound', (i: number) => unbound(i + 1)],
    ['connects', (i: number) => dial(i + 1)],
    ['destinations', (i: number) => load(`shop/a${i}`)],
  ] as const;
  for (const [field, entry] of limits)
    for (const over of [-1, 0, 1])
      it(`takes ${proxyReportLimits[field]} ${field} at most: ${over} beyond`, () => {
        const facts = new ProxyFacts(0);
        const count = proxyReportLimits[field] + over;
        facts.take(report({ [field]: Array.from({ length: count }, (_, i) => entry(i)) }), all);
        assert.equal(facts[field].size, Math.min(count, proxyReportLimits[field]));
        assert.equal(facts.refused.count, Math.max(0, over));
        if (over > 0) assert.match(facts.refused.last, new RegExp(`^${field}: more than`));
        facts.take(report({ [field]: [entry(0)] }), all);
        assert.equal(facts.refused.count, Math.max(0, over));
      });
});
