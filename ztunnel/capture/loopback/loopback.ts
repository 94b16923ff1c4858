import type { Socket } from 'node:net';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { ProxyConfig } from '../../configuration.ts';
import type {
  Capture,
  CaptureDeps,
  CaptureHooks,
  Dial,
  DialFrom,
  LocalPod,
  ResolverSocket,
  ResolverSocketHooks,
} from '../capture.ts';
import { farEnd } from '../far-end.ts';
import { callerAtSocks, explainCaller } from './caller.ts';
import { Datagrams } from './datagrams.ts';
import { bindSocket, Listeners } from './listeners.ts';
import { Plan, type PlanChange, type Wanted } from './plan.ts';
import { resolverSocket } from '../resolver-socket.ts';
import { negotiate } from './socks.ts';
import { socksReply } from './socks5.ts';

/**
 * Capture without privileges: pods and VIPs are addresses of 127.0.0.0/8, at which this process listens. A caller is known
 * by the address that it has bound, and a dial binds the address of its pod.
 */
export class Loopback implements Capture {
  readonly outside = 'loopback capture reaches services only';
  readonly #config: ProxyConfig;
  readonly #state: MeshState;
  readonly #hooks: CaptureHooks;
  readonly #dialer: BoundDialer;
  readonly #lost: LostPeers;
  readonly #plan: Plan;
  readonly #listeners: Listeners;
  readonly #datagrams: Datagrams;

  constructor({ config, state, clock, random, hooks }: CaptureDeps) {
    this.#config = config;
    this.#state = state;
    this.#hooks = hooks;
    this.#dialer = new BoundDialer(clock, random);
    this.#lost = new LostPeers(clock);
    this.#plan = new Plan(state, config);
    this.#listeners = new Listeners({
      clock,
      bind: bindSocket(config.workers),
      onConnection: (socket, wanted) => this.#accepted(socket, wanted),
      onProblem: (wanted, problem, code) => hooks.onUnbound(wanted, problem, code),
      onSolved: (wanted) => hooks.onBound(wanted),
    });
    this.#datagrams = new Datagrams({
      clock,
      workers: config.workers,
      onDatagram: ({ address }, from, bytes, answer) =>
        hooks.onDatagram({ pod: podAt(from, address), from, bytes, answer }),
      onProblem: (wanted, problem, code) => hooks.onUnbound(wanted, problem, code),
      onSolved: (wanted) => hooks.onBound(wanted),
    });
  }

  follow(touched: Touched): void {
    this.#change(this.#plan.follow(touched));
  }

  async open(): Promise<void> {
    this.#change(this.#plan.first());
    await Promise.all([this.#listeners.settled(), this.#datagrams.settled()]);
  }

  close(): void {
    this.#listeners.close();
    this.#datagrams.close();
  }

  resolverSocket(pod: LocalPod, to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket {
    const address = this.#addressTowards(pod, to.address);
    return resolverSocket(
      to,
      (socket, ready) =>
        address === undefined ? ready() : socket.bind({ address, port: 0, exclusive: true }, ready),
      hooks,
    );
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  async dial({ address, port, from, timeoutMillis, signal }: Dial): Promise<ByteStream> {
    const localAddress = this.#localAddress(from, address);
    const target = { address, port, localAddress, timeoutMillis, ...(signal && { signal }) };
    return this.#streamOf(await this.#dialer.dial(target));
  }

  explainCaller(caller: LocalPod): string | undefined {
    return explainCaller(caller);
  }

  #change(changes: PlanChange): void {
    this.#listeners.change(changes);
    this.#datagrams.change(changes);
  }

  #localAddress(from: DialFrom, to: string): string | undefined {
    switch (from.kind) {
      case 'proxy':
        return this.#config.address;
      case 'resolver':
        return this.#addressTowards(from.pod, to);
      default:
        return this.#addressOf(from.pod);
    }
  }

  /** From 127.0.0.0/8 nothing leads to a resolver of the network of this machine. */
  #addressTowards(pod: LocalPod, to: string): string | undefined {
    return to.startsWith('127.') ? this.#addressOf(pod) : undefined;
  }

  #streamOf(socket: Socket): NodeStream {
    return new NodeStream(socket, undefined, this.#lost);
  }

  #addressOf(pod: LocalPod): string | undefined {
    if (pod.kind === 'address') return pod.address;
    const workload = this.#state.workloads.get(pod.uid);
    if (!workload)
      throw new MeshError('DIAL_REFUSED', `${pod.uid}, from which to dial, is not known any more`);
    return workload.addresses[0];
  }

  #accepted(socket: Socket, { address, port, role }: Wanted): void {
    const from = farEnd(socket);
    if (!from) return void socket.destroy();
    const original = { address, port };
    const connection = this.#streamOf(socket);
    switch (role.kind) {
      case 'vip': {
        const caller: LocalPod = { kind: 'address', address: from.address };
        const called = { kind: 'address', address, port } as const;
        return this.#hooks.onArrival({ role: 'outbound', connection, from, caller, original: called });
      }
      case 'dns':
        return this.#hooks.onDnsConnection({ pod: podAt(from, address), from, connection });
      case 'socks':
        this.#socks(socket, connection, from, address).catch(() => socket.destroy());
        return;
      case 'hbone':
      case 'port': {
        const pod: LocalPod = { kind: 'uid', uid: role.uid };
        const arriving = role.kind === 'port' ? 'inbound' : role.kind;
        return this.#hooks.onArrival({ role: arriving, connection, from, pod, original });
      }
      case 'gateway-hbone':
      case 'gateway-sni':
        return this.#hooks.onArrival({ role: role.kind, connection, from, original });
    }
  }

  /**
   * A caller that cannot dial a VIP says where it wants to go, by address or name. Until it has, the limits before the
   * handshake apply to it.
   */
  async #socks(socket: Socket, connection: NodeStream, from: AddressPort, address: string): Promise<void> {
    const caller = callerAtSocks(from, address);
    const knock = this.#hooks.onKnock(connection, caller);
    if (!knock) return;
    const original = await negotiate(socket);
    if (!original) {
      // Half-open sockets do not close by themselves; what was said goes out first.
      socket.destroySoon();
      return;
    }
    if (!knock.seat()) return;
    this.#hooks.onArrival({
      role: 'outbound',
      connection,
      from,
      caller: { kind: 'address', address: caller },
      original,
      answered(reached) {
        if (socket.writable) socket.write(socksReply(reached ? 0 : 5));
      },
    });
  }
}

/** Who asks at a pod's address, as at its SOCKS port. */
const podAt = (from: AddressPort, address: string): LocalPod => ({
  kind: 'address',
  address: callerAtSocks(from, address),
});
