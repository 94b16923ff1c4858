import type { Step } from '../context.ts';
import { searchMarker } from '../marker.ts';
import { plantForbidden } from '../plant.ts';
import { mapOf, watchSockets } from '../watch-sockets.ts';

const maxBytes = 2 * 1024 ** 3;

/** Proof from the kernel and from the gateways' bytes that networks are joined only where and how they should be. */
export const nothingCrosses: Step = {
  title: 'no connection joins two networks but at a gateway, and nothing crosses in the clear',
  async run(tour, report) {
    const map = mapOf(tour);
    await watchSockets(tour, map, report);
    const bytes = tour.sandbox.memoryBytes();
    report.expect(
      'all processes together use less than 2 GiB (PSS)',
      `${Math.round(bytes / 1024 ** 2)} MiB in ${tour.sandbox.pids().length} processes`,
      bytes < maxBytes,
    );
    await plantForbidden(tour, map, report);
    await searchMarker(tour, report);
  },
};
