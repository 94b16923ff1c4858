import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Connection } from '@isthmus/mesh/net/connection.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { WorkloadUid } from '@isthmus/mesh/records/workload.ts';
import type { ProxyConfig } from '../configuration.ts';

/** A pod that this proxy serves, as capture knows it: by its listener, or by an address where nothing else tells. */
export type LocalPod =
  | {
      readonly kind: 'uid';
      readonly uid: WorkloadUid;
      /** As whom it runs, where capture knows it: another pod may have had its name. */
      readonly serviceAccount?: string;
    }
  | { readonly kind: 'address'; readonly address: string };

/** Where a connection was going before it was captured; by name where the caller asked a SOCKS5 listener. */
export type OriginalDestination =
  | ({ readonly kind: 'address' } & AddressPort)
  | { readonly kind: 'hostname'; readonly hostname: string; readonly port: number };

interface Arriving {
  /** Accepted, paused, half-open: nothing of it has been read. */
  readonly connection: Connection;
  /** Its far end; one without an address is dropped before. */
  readonly from: AddressPort;
}

/** A local pod calls. */
export interface OutboundArrival extends Arriving {
  readonly role: 'outbound';
  readonly caller: LocalPod;
  readonly original: OriginalDestination;
  /** Tells a SOCKS5 client how its request went. */
  readonly answered?: (reached: boolean) => void;
}

/** Somebody calls a local pod: at a port of it, or at its HBONE port. `original` is what was called. */
export interface InboundArrival extends Arriving {
  readonly role: 'inbound' | 'hbone';
  readonly pod: LocalPod;
  readonly original: AddressPort;
}

/** Somebody calls an east-west gateway. */
export interface GatewayArrival extends Arriving {
  readonly role: 'gateway-hbone' | 'gateway-sni';
  readonly original: AddressPort;
}

export type Arrival = OutboundArrival | InboundArrival | GatewayArrival;

/** A message that a local pod has sent to a resolver over UDP. */
export interface CapturedDatagram {
  readonly pod: LocalPod;
  readonly from: AddressPort;
  /** The receiver's. */
  readonly bytes: Buffer;
  /** Sends to where it came from, at most once; what cannot be sent is lost, as by any network. */
  readonly answer: (bytes: Buffer) => void;
}

/** A connection of a local pod to a resolver: nothing of it has been read. */
export interface CapturedDnsConnection {
  readonly pod: LocalPod;
  readonly from: AddressPort;
  readonly connection: Connection;
}

/** A UDP socket that speaks with one resolver: from where the pod would, and from a port that nobody can guess. */
export interface ResolverSocket {
  send(bytes: Buffer): void;
  close(): void;
}

/** Neither is called within a call of the socket's own methods, or within the one that makes it. */
export interface ResolverSocketHooks {
  /** `from` is who has sent it, as far as the network says. The bytes are the receiver's. */
  readonly onMessage: (bytes: Buffer, from: AddressPort) => void;
  /** It cannot be used: nobody listens there, or it could not be made. Not after `close`. */
  readonly onError: (error: Error) => void;
}

/** From where a dial leaves, and whose address the far side sees. */
export type DialFrom =
  | { readonly kind: 'pod'; readonly pod: LocalPod }
  /** To a resolver of that pod. */
  | { readonly kind: 'resolver'; readonly pod: LocalPod }
  /** To the pod's own application, as the caller. */
  | { readonly kind: 'delivery'; readonly pod: LocalPod; readonly caller: string }
  /** A gateway's own. */
  | { readonly kind: 'proxy' };

export interface Dial extends AddressPort {
  readonly from: DialFrom;
  readonly timeoutMillis: number;
  readonly signal?: AbortSignal;
}

/** How a proxy reaches others, and the pods themselves. */
export interface Dialer {
  /** Throws DIAL_REFUSED, DIAL_TIMEOUT or DIAL_ABORTED naming the address. */
  dial(dial: Dial): Promise<ByteStream>;
}

/** How connections of pods come to a proxy, and how it reaches others. One per data worker. */
export interface Capture extends Dialer {
  /** After each delta, once it is open. */
  follow(touched: Touched): void;
  /** The first state is whole. Resolves when each listener is open or known not to open. */
  open(): Promise<void>;
  /** Accepts nothing more. */
  close(): void;
  /** For one question of a pod to one of its resolvers. What goes wrong is said by its hooks. */
  resolverSocket(pod: LocalPod, to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket;
  /** Why a caller can be no pod; undefined where one of it may be known in a moment. */
  explainCaller(caller: LocalPod): string | undefined;
  /** Why a destination that is not part of the mesh is not reached; undefined: it is, as the pod itself would reach it. */
  readonly outside: string | undefined;
  /** Listeners that are open. */
  readonly listeners: number;
  /** Of capture whose pods a node agent names; the others find them in the state. */
  readonly enrolment?: Enrolment;
}

/** A pod that is to be captured, by a number that no other enrolment of this process has. */
export interface EnrolledPod {
  readonly number: number;
  readonly uid: WorkloadUid;
  readonly serviceAccount: string;
  /** The descriptor of its network namespace, which stays open until it has left. */
  readonly namespace: number;
}

export interface Enrolment {
  /** Resolves once its listeners are open. Rejects with why they are not; nothing of it is left then. */
  enrol(pod: EnrolledPod): Promise<void>;
  /** It is called no more. Resolves once its connections have ended, by themselves or after `drainMillis`. */
  leave(number: number, drainMillis: number): Promise<void>;
}

/** What capture uses of a connection's place among those whose peer is not known yet. */
export interface Knock {
  /** It has said who it is. False when a limit has ended it. */
  seat(): boolean;
}

export interface CaptureHooks {
  onArrival(arrival: Arrival): void;
  onDatagram(datagram: CapturedDatagram): void;
  onDnsConnection(connection: CapturedDnsConnection): void;
  /**
   * A connection that has still to say something before it is an arrival counts as a handshake. Undefined: it was refused,
   * and is closed. `limitedAs` is the address whose limits are used.
   */
  onKnock(connection: Connection, limitedAs: string): Knock | undefined;
  /** A place could not be bound: the others work, and this one is tried again. Once for each reason. */
  onUnbound(place: AddressPort, problem: string, code: string): void;
  /** A connection that came to a listener was closed, as the kernel did not say where it had been going. */
  onLost(role: Arrival['role'], from: AddressPort, why: unknown): void;
  /** A place that could not be bound is bound now, or is not wanted any more. */
  onBound(place: AddressPort): void;
}

export interface CaptureDeps {
  readonly config: ProxyConfig;
  readonly state: MeshState;
  readonly clock: Clock;
  readonly random: Random;
  readonly hooks: CaptureHooks;
}
