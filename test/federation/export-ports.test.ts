import assert from 'node:assert/strict';
import type { ServicePort } from '@isthmus/api/domain/observation.ts';
import { exportPortConditions } from '../../federation/policy/export-ports.ts';
import { Exporters } from '../../federation/policy/exporters.ts';
import { inShop } from '../fakes/services.ts';

const port = (number: number, name = 'http'): ServicePort => ({
  name,
  port: number,
  targetPort: 0,
  appProtocol: '',
});

describe('the ports of one service that two clusters export', () => {
  const of = (
    east: readonly ServicePort[],
    west: readonly ServicePort[],
    exportedBy: readonly string[] = ['east', 'west'],
  ) => {
    const holders = new Map([
      ['east', { ports: east }],
      ['west', { ports: west }],
    ]);
    return exportPortConditions('east', inShop('cart'), new Exporters(new Set(exportedBy), holders));
  };

  it('that differ are a condition which names both', () => {
    const [condition] = of([port(80)], [port(8080), port(9090, '')]);
    assert.deepEqual([condition?.reason, condition?.severity], ['EXPORTED_PORTS_DIFFER', 'WARNING']);
    assert.match(
      condition?.message ?? '',
      /^east exports shop\/cart with ports http:80, and west has ports http:8080, 9090: /,
    );
  });

  it('that are the same in another order are none', () => {
    assert.deepEqual(of([port(80), port(81, 'x')], [port(81, 'x'), port(80)]), []);
  });

  it('do not matter where only one cluster exports it', () => {
    assert.deepEqual(of([port(80)], [port(8080)], ['east']), []);
    assert.deepEqual(of([port(80)], [port(8080)], ['west']), []);
  });

  for (const [others, end] of [
    [9, 'c8 has ports http:1: '],
    [10, 'c9 has ports http:1: '],
    [11, 'c9 has ports http:1 and 1 more: '],
  ] as const)
    it(`that differ from those of ${others} others name ten of them at most`, () => {
      const names = Array.from({ length: others }, (_, i) => `c${i === 10 ? 'x' : i}`);
      const holders = new Map([
        ['b', { ports: [port(80)] }],
        ...names.map((name) => [name, { ports: [port(1)] }] as const),
      ]);
      const exporters = new Exporters(new Set(holders.keys()), holders);
      const [condition] = exportPortConditions('b', inShop('cart'), exporters);
      assert.ok(condition?.message.includes(end), condition?.message);
    });
});
