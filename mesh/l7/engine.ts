import type { Route } from '../decide/route.ts';
import type { DeltaBatch, Rejected } from '../delta/messages.ts';
import type { Peer } from '../identity/judge.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import type { Service, ServiceKey } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

/** A connection that L4 has authenticated and judged. */
export interface Flow {
  readonly direction: 'inbound' | 'outbound';
  readonly source: {
    readonly address: string;
    readonly workload: Workload | undefined;
    /** Who proved itself by mTLS; undefined for plaintext, and for a pod of the proxy's own. */
    readonly peer: Peer | undefined;
  };
  /** Where it was going; of a name that was asked for by SOCKS5 the address is ''. */
  readonly destination: {
    readonly address: string;
    readonly port: number;
    readonly service: Service | undefined;
    readonly workload: Workload | undefined;
  };
  /** Of the connection as a whole: the same at every proxy that it passes. */
  readonly trace: string | undefined;
  /** L4 has ended it (a late denial, a revocation, the end of the proxy), or its client has left. */
  readonly gone: AbortSignal;
}

export interface ReachedStream {
  readonly stream: ByteStream;
  readonly peer: Peer | undefined;
  readonly route: Route;
}

/**
 * What L4 does for requests of a flow. Each call is decided, judged, dialled, counted and registered like a connection,
 * and the stream ends when it may live no longer. Both reject when there is no way, or none any more.
 */
export interface L4 {
  /** To a service, as the flow's own pod. */
  reach(
    to: { readonly service: ServiceKey; readonly port: number },
    signal: AbortSignal,
  ): Promise<ReachedStream>;
  /** Of an inbound flow: to a port of the pod's application. */
  deliver(port: number, signal: AbortSignal): Promise<ByteStream>;
}

/** How a flow ended. Its bytes are counted by L4, which carries them. */
export interface FlowEnd {
  readonly error: Error | undefined;
}

/** What reads requests in connections that L4 has let in. One of it per data worker. */
export interface L7Engine {
  /** Every batch, after L4's state has it. What it cannot use is named. */
  apply(batch: DeltaBatch): readonly Rejected[];
  /** Asked once, before the far side is dialled, of a flow that L4 has let in. */
  takes(flow: Omit<Flow, 'gone'>): boolean;
  /** Owns `near` from now on; resolves when it has ended it. */
  serve(flow: Flow, near: ByteStream, l4: L4): Promise<FlowEnd>;
  /** GOAWAY and the like: takes nothing new. Resolves when nothing is left. */
  drain(): Promise<void>;
}
