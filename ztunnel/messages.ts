import type { DeltaBatch, Rejected } from '@isthmus/mesh/delta/messages.ts';
import type { EnrolledPod } from './capture/capture.ts';
import type { ProxyConfig } from './configuration.ts';
import type { DnsCounted } from './dns/metrics.ts';
import type { WorkerFacts } from './report/worker-counts.ts';
import type { Counted } from './telemetry/tcp-metrics.ts';

/** What a data worker's thread begins with. */
export interface WorkerData {
  readonly config: ProxyConfig;
  readonly logLevel: string;
  /** One memory for all workers of the proxy: `RetryFloor`. */
  readonly retryFloor: SharedArrayBuffer;
}

/**
 * What the control thread and a data worker say to each other. Only structured-cloneable values: a worker may be a
 * thread, and there may be several. State travels as the same deltas that the agent sent.
 */
export type ToWorker =
  | ({ readonly kind: 'delta' } & DeltaBatch)
  /** Both wildcard types have been answered: listeners may open. */
  | { readonly kind: 'synced' }
  /** PEM; chain leaf first, without the root. Replaces an earlier one of the same identity for new handshakes. */
  | { readonly kind: 'certificate'; readonly identity: string; readonly key: string; readonly chain: string }
  | { readonly kind: 'certificate-failed'; readonly identity: string; readonly message: string }
  /** Answered by a message of the same kind, in the order of asking. */
  | { readonly kind: 'report' }
  | { readonly kind: 'dump' }
  /** Answered by `enrolled`. */
  | ({ readonly kind: 'enrol' } & EnrolledPod)
  /** Answered by `left` once its connections have ended. */
  | { readonly kind: 'leave'; readonly number: number; readonly drainMillis: number }
  /** Take nothing new, let what lives end by itself, and end what is left after the deadline. */
  | { readonly kind: 'drain'; readonly deadlineMillis: number };

export type FromWorker =
  /** A delta has been applied; the control thread acknowledges it upstream, naming what was rejected. */
  | {
      readonly kind: 'applied';
      readonly type: string;
      readonly rejected: readonly Rejected[];
    }
  | { readonly kind: 'want-certificate'; readonly identity: string; readonly urgent: boolean }
  | { readonly kind: 'forget-certificate'; readonly identity: string }
  /** The issuer of this chain was revoked, or is unknown: others refuse it, or soon will. */
  | { readonly kind: 'renew-certificate'; readonly identity: string; readonly chain: string }
  /** Every listener that the first state asks for is open, or known not to open. */
  | { readonly kind: 'listening' }
  | ({ readonly kind: 'report' } & WorkerReport)
  | { readonly kind: 'dump'; readonly dump: WorkerDump }
  | {
      readonly kind: 'port-not-capturable';
      readonly address: string;
      readonly port: number;
      readonly error: string;
      /** The error's name: EACCES, EADDRINUSE and the like. */
      readonly code: string;
    }
  /** Connections and counts that differ since the last message of this kind. */
  | ({ readonly kind: 'facts' } & WorkerFacts)
  /** Takes an earlier `port-not-capturable` back. */
  | { readonly kind: 'port-captured'; readonly address: string; readonly port: number }
  /** Its listeners are open, or why they are not. */
  | { readonly kind: 'enrolled'; readonly number: number; readonly problem: string | undefined }
  | { readonly kind: 'left'; readonly number: number }
  /** All slots have been taken for so long that nothing new is served; taken back once one was released. */
  | { readonly kind: 'slots-stuck'; readonly stuck: boolean }
  | { readonly kind: 'drained' };

/** What one worker has counted since it started. */
export interface WorkerReport {
  readonly metrics: readonly Counted[];
  readonly dns: readonly DnsCounted[];
  readonly totals: WorkerTotals;
}

/**
 * What only grows: a gateway's dials, for all to see that a refusal makes none, handshakes of accepted connections that
 * failed or were refused, connections and CONNECTs that came when
 * there was no room for more, sessions and CONNECTs of an identity that had used up its share, sessions whose peer broke
 * HTTP/2 or a limit of its sessions, stalled tunnels that were reset for their identity's share of bytes, and lines of the access log and chunks of the tap that could not be written.
 */
export type CountedTotal =
  | 'gatewayDials'
  | 'gatewayRefusals'
  | 'handshakesFailed'
  | 'dropped'
  | 'linesDropped'
  | 'chunksDropped'
  | 'limited'
  | 'sessionsBroken'
  | 'stallsReset';

/** Connections that a limit of handshakes has ended: for a newer one, for their time, for failures of their address. */
export type HandshakeTotal = 'handshakesEvicted' | 'handshakesTimedOut' | 'handshakesRefused';

export interface WorkerTotals extends Readonly<Record<CountedTotal | HandshakeTotal, number>> {
  readonly open: number;
  readonly listeners: number;
  readonly pooled: number;
  /** Connections and CONNECTs that take a slot now. */
  readonly slots: number;
  /** Accepted connections whose peer is not known yet. */
  readonly handshakes: number;
  /** Accepted sockets that are open, by which end of a connection this proxy is for them. */
  readonly sourceSockets: number;
  readonly destinationSockets: number;
  /** Label sets of metrics that gave way to newer ones. */
  readonly seriesEvicted: number;
}

/** What one worker knows and carries, for people to read. */
export interface WorkerDump {
  readonly workloads: readonly object[];
  readonly services: readonly object[];
  readonly policies: readonly object[];
  readonly intermediates: readonly object[];
  readonly connections: readonly object[];
}
