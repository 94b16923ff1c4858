import { judgeEntering } from '@isthmus/mesh/decide/live.ts';
import { TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { L7Engine } from '@isthmus/mesh/l7/engine.ts';
import { Handshakes, type HandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { HeldSockets } from '@isthmus/mesh/net/held-sockets.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { Turns } from '@isthmus/mesh/process/turns.ts';
import { PeerShares, type ShareLimits } from '@isthmus/mesh/shares/peer-share.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture } from '../capture/capture.ts';
import type { ProxyConfig } from '../configuration.ts';
import { DnsMetrics } from '../dns/metrics.ts';
import { DnsServer } from '../dns/server.ts';
import type { CountedTotal, FromWorker } from '../messages.ts';
import { RecentFailures } from '../proxy/recent-failures.ts';
import { knownPod } from '../proxy/known-pod.ts';
import { PodWaiters } from '../proxy/pod-waiters.ts';
import { Connections } from '../proxy/connections.ts';
import { CredentialStore } from '../proxy/credentials.ts';
import type { GatewayHboneDeps } from '../proxy/gateway.ts';
import type { InboundHboneDeps } from '../proxy/inbound.ts';
import type { NewcomerDeps } from '../proxy/newcomer.ts';
import type { OutboundDeps } from '../proxy/outbound.ts';
import { Refusals } from '../proxy/refusals.ts';
import { RetryBudgets } from '../proxy/retry-budget.ts';
import { RetryFloor } from '../proxy/retry-floor.ts';
import { Slots } from '../proxy/slots.ts';
import { tapEntry } from '../proxy/tap.ts';
import { DialCounts } from '../report/dial-counts.ts';
import { formatAccess } from '../telemetry/access-log.ts';
import { TcpMetrics } from '../telemetry/tcp-metrics.ts';

/** What an engine is made of. */
export interface PartsDeps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly say: (message: FromWorker) => void;
  /** Takes the lines of the access log, false when it had to drop one; undefined when there is none. */
  readonly access: ((line: string) => boolean) | undefined;
  readonly tap: ((entry: Buffer) => boolean) | undefined;
  /** Most connections and CONNECTs at once, 20,000 by default: more would want more descriptors and ports than there are. */
  readonly maxAtOnce?: number;
  /** What one identity may take; the defaults of `PeerShares` otherwise. */
  readonly shares?: Partial<ShareLimits>;
  /** Memory of the retries that all data workers of the proxy share; absent: there is one worker. */
  readonly retryFloor?: SharedArrayBuffer;
  /** What peers may take before they are known; the defaults of `Handshakes` otherwise. */
  readonly handshakes?: Partial<HandshakeLimits>;
  /** Absent: bytes are relayed, whatever they are. */
  readonly l7?: L7Engine | undefined;
}

/** The parts of one data worker: what each way to serve a connection needs. */
export interface Parts extends OutboundDeps, InboundHboneDeps, GatewayHboneDeps, NewcomerDeps {
  readonly config: ProxyConfig;
  readonly capture: Capture;
  readonly dns: DnsServer;
  readonly dnsMetrics: DnsMetrics;
  readonly counters: Record<CountedTotal, number>;
}

/**
 * CONNECTs that are begun in one turn of the event loop; each takes half a millisecond until it has ended, and tunnels
 * that are open are served between turns.
 */
const connectsInATurn = 4;

/** `capture` reads `state`. */
export function newParts(deps: PartsDeps, state: MeshState, capture: Capture): Parts {
  const { config, clock, random, log, say, access, tap, maxAtOnce = 20_000 } = deps;
  const { shares, handshakes, retryFloor, l7 } = deps;
  const [table, counters] = [new IssuerTable(), nothingCounted()];
  const lines = new LimitedLines(clock, log, 1);
  const [podWaiters, dnsMetrics] = [new PodWaiters(clock), new DnsMetrics()];
  return {
    config,
    clock,
    random,
    log,
    state,
    table,
    l7,
    capture,
    credentials: new CredentialStore(clock, (identity, urgent) =>
      say({ kind: 'want-certificate', identity, urgent }),
    ),
    http2: nodeHttp2(clock),
    pool: new TunnelPool(clock),
    connections: connectionsOf(clock, state, table),
    failures: new RecentFailures(clock),
    retries: new RetryBudgets(clock, new RetryFloor(clock, retryFloor)),
    dials: new DialCounts(),
    metrics: new TcpMetrics(),
    counters,
    slots: new Slots(maxAtOnce, clock, (stuck) => say({ kind: 'slots-stuck', stuck })),
    handshakes: new Handshakes(clock, handshakes),
    held: new HeldSockets(clock),
    shares: new PeerShares(clock, shares, () => counters.stallsReset++),
    turns: new Turns(connectsInATurn),
    lines,
    refusals: new Refusals(lines),
    access(record) {
      if (access?.(formatAccess(record, clock.now())) !== false) return;
      counters.linesDropped++;
      lines.error('access', { log: config.accessLog }, 'a line of the access log was dropped');
    },
    tap:
      tap &&
      ((action, end, bytes) => {
        if (tap(tapEntry(action, end, bytes, clock.now()))) return;
        counters.chunksDropped++;
        lines.error('tap', { tap: config.tap }, 'a chunk of the tap was dropped');
      }),
    podWaiters,
    dnsMetrics,
    dns: dnsOf(deps, { state, capture, podWaiters, dnsMetrics }),
  };
}

const dnsOf = (
  { config, clock, random }: PartsDeps,
  { state, capture, podWaiters, dnsMetrics }: Pick<Parts, 'state' | 'capture' | 'podWaiters' | 'dnsMetrics'>,
): DnsServer =>
  new DnsServer({
    clock,
    random,
    state,
    capture,
    metrics: dnsMetrics,
    workloadOf: (pod) => knownPod({ clock, config, state, capture, podWaiters }, pod),
    resolvers: config.resolvers,
    preferredNamespace: config.preferredNamespace,
  });

const connectionsOf = (clock: Clock, state: MeshState, table: IssuerTable): Connections =>
  new Connections({
    clock,
    judge: (live) => judgeEntering(state, table, live),
    servedBy: (uid) => state.workloads.get(uid),
  });

const nothingCounted = (): Parts['counters'] => ({
  gatewayDials: 0,
  gatewayRefusals: 0,
  handshakesFailed: 0,
  dropped: 0,
  linesDropped: 0,
  chunksDropped: 0,
  limited: 0,
  sessionsBroken: 0,
  stallsReset: 0,
});
