import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emptyReport } from '@isthmus/api/domain/proxy-report.ts';
import { sharedLimits, type ProxyHolds, type Shared } from '@isthmus/api/domain/replica.ts';
import { hubStatePage, hubStateRequest, shared } from '@isthmus/api/wire/replica.ts';

const proxy = 'ztunnel/istio-system/ztunnel-1';
const holds: ProxyHolds = {
  proxy,
  type: 'type.googleapis.com/istio.workload.Address',
  begins: true,
  completed: false,
  returned: true,
  held: [
    { name: 'east//Pod/shop/cart', version: '0a', refused: '' },
    { name: 'east//Pod/shop/odd', version: '0b', refused: 'it is odd' },
  ],
  none: ['east//Pod/shop/gone'],
};
const certificate = {
  proxyUid: '5c0f',
  identity: 'spiffe://cluster.local/ns/shop/sa/cart',
  notAfter: 1_900_000_000_000,
  issuer: 'ab',
};
const opened = { id: proxy, node: 'node-1', version: '0.1.0', upstreamVersion: '', connectedSince: 12 };
const messages: readonly Shared[] = [
  { kind: 'opened', proxy: opened },
  { kind: 'holds', ...holds },
  { kind: 'lost', proxy },
  { kind: 'says', proxy, report: undefined },
  { kind: 'says', proxy, report: { ...emptyReport, openConnections: 3, refused: [] } },
  { kind: 'certificates', issued: [certificate] },
];

const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
const decoded = (one: Shared) => shared.decode(shared.encode(one));

describe('what replicas of an agent say to each other', () => {
  for (const one of messages)
    it(`is read as it was written: ${one.kind}`, () =>
      assert.deepEqual(decoded(one), { ok: true, value: one }));

  it('is read of any proxy that holds something', () => {
    const text = fc.string({ minLength: 1, maxLength: 40 });
    const held = fc.record(
      { name: text, version: text, refused: fc.constantFrom('', 'no') },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(held), fc.array(text), fc.boolean(), (all, none, begins) => {
        const one: Shared = { kind: 'holds', ...holds, held: all, none, begins };
        assert.deepEqual(decoded(one), { ok: true, value: one });
      }),
    );
  });

  it('is refused or read, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(255), (bytes, at, by) => {
        for (const codec of [shared, hubStatePage, hubStateRequest]) codec.decode(bytes);
        for (const one of messages) {
          const damaged = Uint8Array.from(shared.encode(one));
          damaged[at % damaged.length] = by;
          shared.decode(damaged);
        }
      }),
    );
  });

  const { entries, nameLength, versionLength } = sharedLimits;
  const resource = { name: 'n', version: 'v', refused: '' };
  const limits: readonly [what: string, limit: number, of: (n: number) => Partial<ProxyHolds>][] = [
    ['names', entries, (n) => ({ none: names(n) })],
    ['resources', entries, (n) => ({ held: names(n).map((name) => ({ ...resource, name })) })],
    ['characters of a name', nameLength, (n) => ({ none: ['x'.repeat(n)] })],
    ['characters of a version', versionLength, (n) => ({ held: [{ ...resource, version: 'x'.repeat(n) }] })],
  ];
  for (const [what, limit, of] of limits)
    for (const [n, isTaken] of [
      [limit - 1, true],
      [limit, true],
      [limit + 1, false],
    ] as const)
      it(`with ${n} ${what} is ${isTaken ? 'taken' : 'refused'}`, () =>
        assert.equal(decoded({ kind: 'holds', ...holds, ...of(n) }).ok, isTaken));

  it('names the field that is wrong', () => {
    assert.deepEqual(decoded({ kind: 'opened', proxy: { ...opened, id: '' } }), {
      ok: false,
      error: 'id: is missing',
    });
    assert.deepEqual(shared.decode(new Uint8Array()), {
      ok: false,
      error: 'about: is missing, or of a newer version of the agent',
    });
  });

  it('is what the hub has sent, in pages', () => {
    const resources = [{ name: 'west', version: '1', body: Uint8Array.of(1, 2) }];
    const page = { type: 'member', resources, complete: true, epoch: 7n };
    assert.deepEqual(hubStatePage.decode(hubStatePage.encode(page)), { ok: true, value: page });
    assert.deepEqual(hubStateRequest.decode(hubStateRequest.encode({ hubId: 'hub' })), {
      ok: true,
      value: { hubId: 'hub' },
    });
  });
});
