import assert from 'node:assert/strict';
import type { Condition, Severity } from '@isthmus/api/domain/condition.ts';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import { addressConditions } from '@isthmus/cluster-agent/source/files/address-conditions.ts';
import { clusterConditions } from '@isthmus/cluster-agent/translate/conditions.ts';
import { clusterReport } from '@isthmus/cluster-agent/translate/report.ts';
import { serviceReports } from '../../fakes/service-reports.ts';
import { aRejection, inputOf } from '../../fakes/cluster.ts';
import { inShop } from '../../fakes/services.ts';

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
  it('has the gravest 100 rejections, and how many there are of each severity', () => {
    const input = inputOf(services);
    const some = (severity: Rejection['severity'], count: number): Rejection[] =>
      Array.from({ length: count }, (_, i) => aRejection({ severity, line: i + 1 }));
    const reported = (infos: number) => {
      const rejections = [...some('INFO', infos), ...some('WARNING', 60), ...some('ERROR', 30)];
      input.view.apply([{ type: 'rejections', origin: 'a.yaml', rejections }]);
      return clusterReport(input, '1', []);
    };
    for (const infos of [9, 10, 11]) {
      const { rejections, rejectionCounts } = reported(infos);
      assert.equal(rejections.length, Math.min(90 + infos, 100));
      assert.deepEqual([...new Set(rejections.map((one) => one.severity))], ['ERROR', 'WARNING', 'INFO']);
      assert.deepEqual(rejectionCounts, { ERROR: 30, WARNING: 60, INFO: infos });
    }
  });

  for (const [count, reported] of [
    [199, 199],
    [200, 200],
    [201, 200],
  ] as const)
    it(`of ${count} conditions ${reported} are reported, the gravest first to stay`, () => {
      const one = (severity: Severity): Condition => ({
        type: 'X',
        status: 'False',
        reason: 'X',
        object: '',
        message: '',
        remedy: '',
        severity,
      });
      const all = [...Array.from({ length: count - 1 }, () => one('INFO')), one('ERROR')];
      const { conditions } = clusterReport(inputOf(services), '1', all);
      assert.equal(conditions.length, reported);
      assert.ok(conditions.some(({ severity }) => severity === 'ERROR'));
      const rest = conditions.find(({ reason }) => reason === 'CONDITIONS_OMITTED');
      assert.equal(rest?.message.startsWith('2 more conditions'), count > 200 || undefined);
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
    const shift = {
      id: 'd',
      cluster: 'west',
      percent: 30,
      services: [inShop('cart')],
      remoteOnly: false,
      deadline: undefined,
    };
    const reports = serviceReports(inputOf(services, { trafficShifts: new Map([['d', shift]]) }));
    assert.deepEqual(
      ['cart', 'peers'].map((name) => reports.get(`shop/${name}`)?.conditions.map(({ reason }) => reason)),
      [['SHARED_BY_WEIGHT'], []],
    );
  });
});

describe('a ServiceExport', () => {
  const asks = (name: string, apiVersion = 'multicluster.x-k8s.io/v1alpha1') => `
---
apiVersion: ${apiVersion}
kind: ServiceExport
metadata: { name: ${name}, namespace: shop }
`;
  const requested = (text: string) =>
    [...serviceReports(inputOf(text))].map(([name, report]) => [name, report.exportRequested]);
  const conditions = (text: string) =>
    clusterConditions(inputOf(text), 0).filter(({ reason }) => reason === 'EXPORT_WITHOUT_SERVICE');

  for (const version of ['v1alpha1', 'v1beta1'])
    it(`of ${version} asks for the export of the Service of its name, and of no other`, () => {
      const text = services + asks('cart', `multicluster.x-k8s.io/${version}`);
      assert.deepEqual(requested(text), [
        ['shop/cart', true],
        ['shop/peers', false],
      ]);
      assert.deepEqual(conditions(text), []);
    });

  it('of a Service that has the label of Istio too asks once, and either is enough', () => {
    const labelled = services.replace(
      'name: cart, namespace: shop',
      'name: cart, namespace: shop, labels: { istio.io/global: "true" }',
    );
    for (const text of [labelled, labelled + asks('cart')])
      assert.deepEqual(requested(text)[0], ['shop/cart', true]);
  });

  it('without a Service is a condition that names it', () => {
    const [condition, ...others] = conditions(services + asks('crat') + asks('cart'));
    assert.deepEqual(others, []);
    assert.equal(condition?.object, 'ServiceExport shop/crat');
    assert.equal(
      condition.message,
      'the ServiceExport shop/crat exports nothing: there is no Service shop/crat',
    );
    assert.match(condition.remedy, /create the Service shop\/crat, or delete the ServiceExport/);
  });

  it('of an ExternalName is one as well', () => {
    const external = services.replace('spec: { ports: [{ port: 80 }] }', 'spec: { type: ExternalName }');
    const [condition] = conditions(external + asks('cart'));
    assert.match(condition?.message ?? '', /is an ExternalName, which has no endpoints/);
  });
});
