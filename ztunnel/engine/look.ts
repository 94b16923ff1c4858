import type { WorkerDump, WorkerTotals } from '../messages.ts';
import type { Context } from './context.ts';

export const totalsOf = ({
  connections,
  capture,
  pool,
  counters,
  metrics,
  slots,
  handshakes,
}: Context): WorkerTotals => ({
  open: connections.size,
  listeners: capture.listeners,
  pooled: pool.size,
  slots: slots.taken,
  handshakes: handshakes.inProgress,
  handshakesEvicted: handshakes.counts.evicted,
  handshakesTimedOut: handshakes.counts.timedOut,
  handshakesRefused: handshakes.counts.refused,
  sourceSockets: metrics.sockets.source,
  destinationSockets: metrics.sockets.destination,
  seriesEvicted: metrics.evicted,
  ...counters,
});

/** What a worker knows and carries, without anything secret. */
export const dumpOf = ({ state, table, connections }: Context): WorkerDump => ({
  workloads: [...state.workloads.all()],
  services: [...state.services.all()],
  policies: [...state.policies.all()],
  intermediates: table
    .intermediates()
    .map(({ keyId, trustDomain, cluster, revoked }) => ({ keyId, trustDomain, cluster, revoked })),
  connections: [...connections.all()].map(({ about, live: { peer } }) => ({
    about,
    ...(peer && { peer: peer.spiffeId, peerCluster: peer.cluster }),
  })),
});
