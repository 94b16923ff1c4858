import assert from 'node:assert/strict';
import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { exportConflicts } from '@isthmus/cluster-agent/status/export-conflicts.ts';
import type { Exporter } from '@isthmus/cluster-agent/translate/merged-export.ts';
import { someProperties } from '../../fakes/global-properties.ts';

const ports = [{ name: 'http', port: 80, appProtocol: '' }];
const exporter = (cluster: string, properties: Partial<GlobalProperties> = {}): Exporter => ({
  cluster,
  ports,
  properties: someProperties(properties),
});
const between = (...exporters: readonly Exporter[]) =>
  exportConflicts(exporters).map(({ reason, message }) => `${reason}: ${message}`);

describe('exports of one service are in conflict', () => {
  const dns = { name: 'dns', port: 53, protocol: 'UDP' as const, appProtocol: '' };
  const cases: Readonly<Record<string, readonly [Partial<GlobalProperties>, readonly string[]]>> = {
    'with nothing where they are alike': [{}, []],
    'with nothing where only their ages differ': [{ exportedAt: 7 }, []],
    'with a port that one of them has': [
      { otherPorts: [dns] },
      ['PortConflict: ports: a has http 80, b has dns 53/UDP, http 80'],
    ],
    'with headlessness': [{ headless: true }, ['TypeConflict: type: a has ClusterSetIP, b has Headless']],
    'with session affinity': [
      { affinitySeconds: 10 },
      ['SessionAffinityConflict: sessionAffinity: a has None, b has ClientIP'],
    ],
    'with the policy of traffic within a cluster': [
      { internalTrafficPolicy: 'Local' },
      ['InternalTrafficPolicyConflict: internalTrafficPolicy: a has Cluster, b has Local'],
    ],
    'with the distribution of traffic': [
      { trafficDistribution: 'PreferClose' },
      ['TrafficDistributionConflict: trafficDistribution: a has none, b has PreferClose'],
    ],
  };
  for (const [name, [over, expected]] of Object.entries(cases))
    it(name, () => {
      assert.deepEqual(between(exporter('a'), exporter('b', over)), expected);
    });

  it('with the time of session affinity, where both have it', () => {
    const [a, b] = [exporter('a', { affinitySeconds: 10 }), exporter('b', { affinitySeconds: 20 })];
    assert.deepEqual(between(a, b), [
      'SessionAffinityConfigConflict: sessionAffinityConfig: a has 10 s, b has 20 s',
    ]);
  });

  it('with TCP ports alone where one of them has not said its properties', () => {
    const old: Exporter = { cluster: 'b', ports };
    const a = exporter('a', { headless: true, otherPorts: [dns], affinitySeconds: 5 });
    assert.deepEqual(between(a, old), []);
    const other: Exporter = { cluster: 'b', ports: [] };
    assert.deepEqual(between(a, other), ['PortConflict: ports: a has http 80, b has none']);
  });
});
