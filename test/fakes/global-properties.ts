import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';

/** What a Service declares that says nothing beside its ports. */
export const someProperties = (over: Partial<GlobalProperties> = {}): GlobalProperties => ({
  exportedAt: 0,
  headless: false,
  otherPorts: [],
  affinitySeconds: 0,
  internalTrafficPolicy: 'Cluster',
  trafficDistribution: '',
  ...over,
});
