import assert from 'node:assert/strict';
import type { Rejection } from '@isthmus/api/domain/observation.ts';
import { headlessServices } from '@isthmus/cluster-agent/translate/input.ts';
import { addressConditions, clusterReport, serviceReports } from '@isthmus/cluster-agent/translate/report.ts';
import { inputOf } from '../../fakes/cluster.ts';

const services = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: peers, namespace: shop }
spec: { clusterIP: None, ports: [{ port: 81 }] }
`;

describe('the report of a cluster', () => {
  it('has what was refused before what is not applied before what was passed over, a hundred of them', () => {
    const input = inputOf(services);
    const some = (reason: string): Rejection[] =>
      Array.from({ length: 60 }, (_, i) => ({ object: `${reason} ${i}`, field: '', reason }));
    const rejections = [...some('SKIPPED: x'), ...some('NOT_APPLIED: x'), ...some('is wrong')];
    input.view.apply([{ type: 'rejections', origin: 'a.yaml', rejections }]);
    const reasons = clusterReport(input, '1', []).rejections.map(({ reason }) => reason);
    assert.equal(reasons.length, 100);
    assert.deepEqual([...new Set(reasons)], ['is wrong', 'NOT_APPLIED: x']);
  });

  it('tells when addresses have run out', () => {
    assert.deepEqual(addressConditions({ refused: new Set() }), []);
    const [condition] = addressConditions({ refused: new Set(['pods shop/a', 'vips a|b', 'c', 'd']) });
    assert.equal(condition?.reason, 'BLOCK_FULL');
    assert.match(
      condition.message,
      /^4 pods and services have no address, such as pods shop\/a, vips a\|b, c: /,
    );
  });

  it('tells which services do not prefer what is near, as they are shared by weight', () => {
    const diversion = {
      id: 'd',
      cluster: 'west',
      percent: 30,
      services: ['shop/cart'],
      remoteOnly: false,
      deadline: undefined,
    };
    const reports = serviceReports(inputOf(services, { diversions: new Map([['d', diversion]]) }));
    assert.deepEqual(
      ['cart', 'peers'].map((name) => reports.get(`shop/${name}`)?.conditions.map(({ reason }) => reason)),
      [['SHARED_BY_WEIGHT'], []],
    );
  });

  it('headless services have no address of their own', () => {
    assert.deepEqual([...headlessServices(inputOf(services))], ['shop/peers.shop.svc.cluster.local']);
  });
});
