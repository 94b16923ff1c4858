import { quantile } from '../../quantile.ts';
import { figure, megabytes } from '../figures.ts';
import { queryTimes } from '../hub/world.ts';
import { group, type Row } from '../row.ts';
import type { PeerProcess } from '../peer-process.ts';
import type { Endpoint } from '@isthmus/sandbox/instance/api.ts';
import { programFlags } from '@isthmus/sandbox/processes/spawn.ts';
import type { CoreApi } from './hub.ts';

interface CoreHub {
  readonly hub: PeerProcess<CoreApi>;
  readonly endpoint: Endpoint;
  readonly changes: number;
}

/** Milliseconds of CPU that one service's change may cost. */
const goal = (receivers: number): number => 1 + 0.02 * receivers;

const coreRow: Row<CoreHub> = {
  row: 'core',
  measure: '2,000 clusters x 50 services (core, in process): RSS; one service’s change; GraphQL p99',
  goal: '2 GiB; 1 ms + 20 µs per receiver; 30 ms',
  async run({ hub, endpoint, changes }, signal) {
    const { cpu, receivers } = await hub.ask('change', { changes });
    const times = await queryTimes(endpoint, signal);
    const resident = await hub.ask('resident', undefined);
    const change = `${figure(cpu)} ms to ${figure(receivers)} receivers (goal ${figure(goal(receivers))} ms)`;
    return `${megabytes(resident)}; ${change}; ${figure(quantile(times, 0.99))} ms`;
  },
};

export const coreGroup = group(
  async (stage, { coreClusters: clusters, coreServices: services, changes }) => {
    const hub = stage.peer<CoreApi>('core/hub.ts', programFlags('federation/main.ts'));
    const shape = { clusters, services, stateDir: stage.path('core'), host: stage.at('0.1') };
    return { hub, endpoint: await hub.ask('start', shape), changes };
  },
  [coreRow],
);
