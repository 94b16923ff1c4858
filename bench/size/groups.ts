import { agentGroup, remoteGroup } from './agent/rows.ts';
import { coreGroup } from './core/rows.ts';
import { hubGroup, manyGroup } from './hub/rows.ts';
import { proxyGroup } from './proxy/rows.ts';
import type { Group } from './row.ts';
import type { TableKind } from './table.ts';

export const table: TableKind = {
  marker: 'bench:size',
  columns: ['row', 'measure', 'measured', 'committed', 'goal'],
};

/** In the order of the table. */
export const groups: readonly Group[] = [agentGroup, remoteGroup, hubGroup, manyGroup, coreGroup, proxyGroup];
