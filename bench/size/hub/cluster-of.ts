import type { ClusterReport } from '@isthmus/api/domain/report.ts';

/** What a simulated agent reports of its cluster. */
export const clusterOf = (name: string): ClusterReport => ({
  agentVersion: '0.1.0',
  network: `network-${name}`,
  workloadsByMode: {},
  conditions: [],
  nodes: [{ name: 'n1', region: 'r1', zone: 'z1' }],
  rejections: [],
  rejectionCounts: { ERROR: 0, WARNING: 0, INFO: 0 },
});
