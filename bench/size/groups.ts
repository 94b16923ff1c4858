import { agentGroup, remoteGroup } from './agent/rows.ts';
import type { Group } from './row.ts';

export const groups: readonly Group[] = [agentGroup, remoteGroup];
