import type { TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Handshakes } from '@isthmus/mesh/net/handshakes.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture } from '../capture/capture.ts';
import type { CountedTotal, WorkerDump, WorkerTotals } from '../messages.ts';
import type { Connections } from '../proxy/connections.ts';
import type { Slots } from '../proxy/slots.ts';
import type { TcpMetrics } from '../telemetry/tcp-metrics.ts';

interface CountedParts {
  readonly connections: Connections;
  readonly capture: Pick<Capture, 'listeners'>;
  readonly pool: TunnelPool;
  readonly counters: Readonly<Record<CountedTotal, number>>;
  readonly metrics: TcpMetrics;
  readonly slots: Slots;
  readonly handshakes: Handshakes;
}

interface DumpedParts {
  readonly state: MeshState;
  readonly table: IssuerTable;
  readonly connections: Connections;
}

export const totalsOf = ({
  connections,
  capture,
  pool,
  counters,
  metrics,
  slots,
  handshakes,
}: CountedParts): WorkerTotals => ({
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
export const dumpOf = ({ state, table, connections }: DumpedParts): WorkerDump => ({
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
