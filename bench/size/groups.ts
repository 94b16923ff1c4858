import { agentGroup, remoteGroup } from './agent/rows.ts';
import { hubGroup, manyGroup } from './hub/rows.ts';
import { proxyGroup } from './proxy/rows.ts';
import { elsewhere, type Group } from './row.ts';

const core = elsewhere(
  {
    row: 'core',
    measure: '2,000 clusters x 50 services (core, in process): RSS; one service’s change; GraphQL p99',
    goal: '2 GiB; 1 ms + 20 µs per receiver; 30 ms',
  },
  'not measured by this tool',
);

/** In the order of the table. */
export const groups: readonly Group[] = [agentGroup, remoteGroup, hubGroup, manyGroup, core, proxyGroup];
