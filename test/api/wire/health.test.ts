import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { HealthReportSchema } from '@isthmus/api/gen/isthmus/link_pb.js';
import type { HealthReport } from '@isthmus/api/domain/report.ts';
import type { Codec } from '@isthmus/api/wire/binary.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { inShop } from '../../fakes/services.ts';

const group = { region: 'region-b', zone: 'b1', transport: 'istio-mtls' as const, total: 3, healthy: 2 };
const health: HealthReport = {
  sequence: 5,
  sentAt: 1_790_000_000_000,
  proxiesConnected: 3,
  workloads: 9,
  services: [{ namespace: 'shop', name: 'cart', groups: [group] }],
  unreadable: [],
};

const again = <T>(codec: Codec<T>, value: T) => codec.decode(codec.encode(value));

describe('the link: health reports', () => {
  it('leaves out of a health report only the services that cannot be read, and says which', () => {
    const odd = [
      { namespace: 'shop', name: 'LD_PRELOAD=x', groups: [] },
      { namespace: 'shop', name: 'big', groups: [{ ...group, total: 4_294_967_295, healthy: 1 }] },
    ];
    const report = { ...health, proxiesConnected: 2 ** 31, services: [...odd, ...health.services] };
    const decoded = again(link.healthReport, report);
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.value.services, health.services);
    assert.equal(decoded.value.proxiesConnected, 2 ** 31 - 1);
    assert.deepEqual(
      decoded.value.unreadable.map(({ service: name }) => name),
      ['shop/LD_PRELOAD=x', 'shop/big'],
    );
  });

  const removed = (...services: string[]) => {
    const decoded = link.healthReport.decode(
      toBinary(
        HealthReportSchema,
        create(HealthReportSchema, { base: 4n, removed: services, services: [wireHealth] }),
      ),
    );
    assert.ok(decoded.ok);
    return decoded.value;
  };
  const wireHealth = { namespace: 'shop', name: 'cart', groups: [] };

  it('carries the changes of a health report, and an answer to them', () => {
    const changed = { ...health, changes: { base: 4, removed: [inShop('gone')] } };
    assert.deepEqual(again(link.healthReport, changed), { ok: true, value: changed });
    for (const [takesChanges, isRefused] of [
      [true, true],
      [true, false],
      [false, false],
    ] as const) {
      const answer = { sequence: 7, takesChanges, isRefused };
      assert.deepEqual(again(link.healthAck, answer), { ok: true, value: answer });
    }
  });

  it('takes of a health report each service once, and no longer as removed when it has counts', () => {
    const { services, changes } = removed('shop/gone', 'shop/cart', 'shop/gone');
    assert.deepEqual(services, [wireHealth]);
    assert.deepEqual(changes, { base: 4, removed: ['shop/gone'] });
    const twice = again(link.healthReport, {
      ...health,
      services: [{ ...wireHealth, groups: [group] }, wireHealth],
    });
    assert.deepEqual(twice.ok && twice.value.services, [wireHealth]);
  });

  for (const odd of [
    '',
    'shop',
    'shop/',
    '/cart',
    'shop/a/b',
    'shop/CART',
    'evil\n/cart',
    'shop/' + 'x'.repeat(64),
  ])
    it(`names ${JSON.stringify(odd)} as what cannot be read among removed services, and takes the others`, () => {
      const { changes, unreadable } = removed('shop/gone', odd);
      assert.deepEqual(changes?.removed, ['shop/gone']);
      assert.match(unreadable[0]?.why ?? '', /^removed\[1\]: .* is not <namespace>\/<name>, two DNS labels$/);
    });

  it('takes the longest names among removed services', () => {
    const longest = `${'n'.repeat(63)}/${'x'.repeat(63)}`;
    assert.deepEqual(removed(longest).changes?.removed, [longest]);
  });

  it('reads a base above what a program can count with as the highest', () => {
    const changed = { ...health, changes: { base: Number.MAX_SAFE_INTEGER, removed: [] } };
    const bytes = toBinary(HealthReportSchema, create(HealthReportSchema, { base: 2n ** 64n - 1n }));
    for (const decoded of [again(link.healthReport, changed), link.healthReport.decode(bytes)])
      assert.equal(decoded.ok && decoded.value.changes?.base, Number.MAX_SAFE_INTEGER);
  });

  it('reads no changes in a partial report, nor in one without a base', () => {
    const bytes = (init: object) =>
      toBinary(HealthReportSchema, create(HealthReportSchema, { removed: ['shop/a', '/'], ...init }));
    for (const init of [{ partial: true, base: 4n }, { base: 0n }]) {
      const decoded = link.healthReport.decode(bytes(init));
      assert.ok(decoded.ok);
      assert.deepEqual([decoded.value.changes, decoded.value.unreadable], [undefined, []]);
    }
  });
});
