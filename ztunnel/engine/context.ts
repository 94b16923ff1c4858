import type { Http2 } from '@isthmus/mesh/http2/session.ts';
import type { TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { L7Engine } from '@isthmus/mesh/l7/engine.ts';
import type { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import type { Handshakes } from '@isthmus/mesh/net/handshakes.ts';
import type { HeldSockets } from '@isthmus/mesh/net/held-sockets.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture } from '../capture/capture.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { RecentFailures } from '../proxy/avoid.ts';
import type { Connections } from '../proxy/connections.ts';
import type { RetryBudgets } from '../proxy/retry-budget.ts';
import type { CredentialStore } from '../proxy/credentials.ts';
import type { Tap } from '../proxy/tap.ts';
import type { DialCounts } from '../report/dial-counts.ts';
import type { AccessRecord } from '../telemetry/access-log.ts';
import type { CountedTotal } from '../messages.ts';
import type { TcpMetrics } from '../telemetry/tcp-metrics.ts';
import type { PeerShares } from '@isthmus/mesh/shares/peer-share.ts';
import type { Turns } from '@isthmus/mesh/process/turns.ts';
import type { Changes } from '../proxy/changes.ts';
import type { Refusals } from '../proxy/refusals.ts';
import type { Slots } from '../proxy/slots.ts';

/** What carrying out a decision may use. One of it per data worker. */
export interface Context {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly state: MeshState;
  readonly table: IssuerTable;
  readonly credentials: CredentialStore;
  readonly capture: Capture;
  readonly http2: Http2;
  readonly pool: TunnelPool;
  readonly connections: Connections;
  /** Serves connections that it takes, in place of the relay; undefined where there is none. */
  readonly l7: L7Engine | undefined;
  readonly failures: RecentFailures;
  readonly retries: RetryBudgets;
  /** For reports to the agent. */
  readonly dials: DialCounts;
  readonly metrics: TcpMetrics;
  readonly counters: Record<CountedTotal, number>;
  readonly slots: Slots;
  /** Of all listeners together, as they share the worker's time and descriptors. */
  readonly handshakes: Handshakes;
  /** Connections that were refused before their handshake. */
  readonly held: HeldSockets;
  readonly lostPeers: LostPeers;
  readonly shares: PeerShares;
  readonly turns: Turns;
  readonly refusals: Refusals;
  /** Failures of which callers decide how many there are: one line a second of each kind. */
  readonly lines: LimitedLines;
  readonly access: (record: AccessRecord) => void;
  /** Debug: bytes that pass a gateway, and at which of its ends. */
  readonly tap: Tap | undefined;
  readonly changes: Changes;
}
