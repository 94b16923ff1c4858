import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import type { WorkloadUid } from '@isthmus/mesh/records/workload.ts';
import { proxyPorts } from '@isthmus/mesh/decide/proxy-ports.ts';
import type {
  Capture,
  CaptureDeps,
  Dial,
  EnrolledPod,
  Enrolment,
  LocalPod,
  ResolverSocket,
  ResolverSocketHooks,
} from '../capture.ts';
import { arrivalOf } from './arrival.ts';
import { Inside } from './inside.ts';

interface Entry {
  readonly uid: WorkloadUid;
  readonly inside: Inside;
}

/**
 * Capture of pods in their own network namespaces, as a node agent enrols them (ADR 96). A pod is known by the listener to
 * which a connection came; dials leave from its namespace, and its application sees the caller's own address.
 */
export class Pods implements Capture, Enrolment {
  readonly outside = undefined;
  readonly enrolment = this;
  readonly #deps: CaptureDeps;
  readonly #dialer: BoundDialer;
  readonly #lost: LostPeers;
  readonly #entries = new Map<number, Entry>();
  /** Enrolments of a workload, the newest last: a pod that was made again has its old one for a moment. */
  readonly #byUid = new Map<WorkloadUid, Entry[]>();
  #isClosed = false;

  constructor(deps: CaptureDeps) {
    this.#deps = deps;
    this.#dialer = new BoundDialer(deps.clock, deps.random);
    this.#lost = new LostPeers(deps.clock);
  }

  async enrol({ number, uid, serviceAccount, namespace }: EnrolledPod): Promise<void> {
    if (this.#isClosed) throw new MeshError('NATIVE_SOCKET', 'the proxy stops');
    const pod: LocalPod = { kind: 'uid', uid, serviceAccount };
    const { clock, hooks } = this.#deps;
    const inside = new Inside(namespace, {
      clock,
      lost: this.#lost,
      onLost: (role, from, why) => hooks.onLost(role, from, why),
      onCaptured: (captured) => hooks.onArrival(arrivalOf(pod, captured)),
      onDnsConnection: (connection, from) => hooks.onDnsConnection({ pod, from, connection }),
      onDatagram: (from, bytes, answer) => hooks.onDatagram({ pod, from, bytes, answer }),
    });
    const entry = { uid, inside };
    // Before its listeners are open: what comes to them may dial at once.
    this.#entries.set(number, entry);
    this.#byUid.set(uid, [...(this.#byUid.get(uid) ?? []), entry]);
    try {
      await inside.open();
    } catch (error) {
      this.#forget(number, entry);
      throw error;
    }
  }

  async leave(number: number, drainMillis: number): Promise<void> {
    const entry = this.#entries.get(number);
    if (!entry) return;
    const { inside } = entry;
    inside.stop();
    const deadline = this.#deps.clock.after(drainMillis, () => inside.cut());
    await inside.ended();
    deadline.cancel();
    this.#forget(number, entry);
  }

  follow(): void {
    // Which pods there are is said by the node agent; what they are is read from the state when they are called.
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    for (const { inside } of this.#entries.values()) inside.stop();
  }

  get listeners(): number {
    return this.#entries.values().reduce((sum, { inside }) => sum + inside.listeners, 0);
  }

  async dial({ from, ...to }: Dial): Promise<ByteStream> {
    if (from.kind === 'proxy') {
      const socket = await this.#dialer.dial({ ...to, localAddress: undefined });
      return new NodeStream(socket, undefined, this.#lost);
    }
    if (from.kind === 'delivery' && proxyPorts.has(to.port))
      throw new MeshError('DIAL_REFUSED', `${to.address}:${to.port} is a port of this proxy itself`);
    const inside = this.#insideOf(from.pod);
    if (inside) return inside.dial(to, from.kind === 'delivery' ? from.caller : undefined);
    throw new MeshError('DIAL_REFUSED', `${named(from.pod)}, from which to dial, has left`);
  }

  resolverSocket(pod: LocalPod, to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket {
    const inside = this.#insideOf(pod);
    if (inside) return inside.resolverSocket(to, hooks);
    const left = new MeshError('DIAL_REFUSED', `${named(pod)}, whose resolver was to be asked, has left`);
    process.nextTick(() => hooks.onError(left));
    return { send: () => undefined, close: () => undefined };
  }

  explainCaller(caller: LocalPod): string | undefined {
    return this.#insideOf(caller) ? undefined : `${named(caller)} has left`;
  }

  #insideOf(pod: LocalPod): Inside | undefined {
    return pod.kind === 'uid' ? this.#byUid.get(pod.uid)?.at(-1)?.inside : undefined;
  }

  #forget(number: number, entry: Entry): void {
    this.#entries.delete(number);
    const others = (this.#byUid.get(entry.uid) ?? []).filter((one) => one !== entry);
    if (others.length > 0) this.#byUid.set(entry.uid, others);
    else this.#byUid.delete(entry.uid);
  }
}

const named = (pod: LocalPod): string => (pod.kind === 'uid' ? pod.uid : pod.address);
