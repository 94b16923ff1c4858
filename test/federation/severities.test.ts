import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Condition, Severity } from '@isthmus/api/domain/condition.ts';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { isKnownReason, judged } from '@isthmus/api/domain/reasons.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { emptyRecord } from '../../federation/observation/record-steps.ts';
import { Reports } from '../../federation/link/reports.ts';
import { inShop } from '../fakes/services.ts';

const condition = (reason: string, severity: Severity): Condition => ({
  type: 'X',
  status: 'False',
  object: '',
  message: 'it happened',
  remedy: 'do something',
  reason,
  severity,
});

describe('the severity of what an agent reports', () => {
  const table: readonly (readonly [string, Severity, Severity])[] = [
    ['PROXY_MISSING', 'ERROR', 'ERROR'],
    ['PROXY_MISSING', 'INFO', 'ERROR'],
    ['SHARED_BY_WEIGHT', 'ERROR', 'INFO'],
    ['PORT_MISSING', 'WARNING', 'WARNING'],
    ['PORT_MISSING', 'INFO', 'ERROR'],
    ['OF_A_NEWER_AGENT', 'ERROR', 'WARNING'],
    ['OF_A_NEWER_AGENT', 'INFO', 'INFO'],
    ['constructor', 'ERROR', 'WARNING'],
  ];
  for (const [reason, said, expected] of table)
    it(`${reason} that is reported as ${said} is ${expected}`, () =>
      assert.equal(judged(condition(reason, said)).severity, expected));

  it('is judged as the hub reads a report, of a cluster and of its services', () => {
    const reports = new Reports(defaultLimits);
    const ofCluster = wire.clusterReport.encode({
      agentVersion: '1',
      network: '',
      nodes: [],
      workloadsByMode: {},
      rejections: [],
      rejectionCounts: { ERROR: 0, WARNING: 0, INFO: 0 },
      conditions: [condition('SHARED_BY_WEIGHT', 'ERROR')],
    });
    const ofService = wire.serviceReport.encode({
      namespace: 'shop',
      name: 'cart',
      hostname: 'cart.shop.svc.cluster.local',
      ports: [],
      exportRequested: false,
      subjectAltNames: [],
      conditions: [condition('PORT_MISSING', 'INFO')],
    });
    let record = emptyRecord('east', 0);
    for (const [type, name, body] of [
      ['cluster', 'self', ofCluster],
      ['service', 'shop/cart', ofService],
    ] as const) {
      const { change, rejected } = reports.apply(type, [{ name, version: '1', body }], [], 0);
      assert.deepEqual(rejected, []);
      record = change(record);
    }
    assert.deepEqual(
      [record.conditions[0]?.severity, record.services.get(inShop('cart'))?.conditions[0]?.severity],
      ['INFO', 'ERROR'],
    );
  });

  it('is known of every reason that an agent of this version has', () => {
    const root = join(import.meta.dirname, '../../cluster-agent');
    const sources = globSync('**/*.ts', { cwd: root, exclude: ['node_modules'] }).map((path) =>
      readFileSync(join(root, path), 'utf8'),
    );
    // Causes of a workload's health are in test/cluster-agent/health/explain.test.ts.
    const all = sources.flatMap((text) =>
      [...text.matchAll(/\breason: (?:\w+ \? )?'([A-Z_]+)'(?: : '([A-Z_]+)')?/g)].flatMap((found) =>
        [found[1], found[2]].filter((one) => one !== undefined),
      ),
    );
    assert.ok(all.length > 15);
    const unknown = all.filter((one) => !isKnownReason(one));
    assert.deepEqual(unknown, []);
  });
});
