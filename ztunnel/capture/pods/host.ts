import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import { proxyPorts } from '@isthmus/mesh/decide/proxy-ports.ts';
import type {
  Capture,
  CaptureDeps,
  Dial,
  LocalPod,
  ResolverSocket,
  ResolverSocketHooks,
} from '../capture.ts';
import { arrivalOf } from './arrival.ts';
import { Inside, PortRefused } from './inside.ts';

const retryMillis = 1000;

/**
 * Capture of one workload in the proxy's own network namespace: a machine outside Kubernetes. It is the workload at the
 * proxy's own address.
 */
export class Host implements Capture {
  readonly outside = undefined;
  readonly #inside: Inside;
  readonly #deps: CaptureDeps;
  #refused: PortRefused | undefined;
  #isClosed = false;

  constructor(deps: CaptureDeps) {
    const { config, clock, hooks } = deps;
    this.#deps = deps;
    const pod: LocalPod = { kind: 'address', address: config.address };
    this.#inside = new Inside('own', {
      clock,
      lost: new LostPeers(clock),
      onLost: (role, from, why) => hooks.onLost(role, from, why),
      onCaptured: (captured) => hooks.onArrival(arrivalOf(pod, captured)),
      onDnsConnection: (connection, from) => hooks.onDnsConnection({ pod, from, connection }),
      onDatagram: (from, bytes, answer) => hooks.onDatagram({ pod, from, bytes, answer }),
    });
  }

  follow(): void {
    // There is one workload, and its place is the proxy's own.
  }

  async open(): Promise<void> {
    try {
      await this.#inside.open();
      if (this.#isClosed) this.#inside.stop();
      this.#say(undefined);
    } catch (error) {
      if (!(error instanceof PortRefused)) throw error;
      this.#say(error);
      if (!this.#isClosed) this.#deps.clock.after(retryMillis, () => void this.open());
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#inside.stop();
  }

  /** Once for each port that is refused. */
  #say(refused: PortRefused | undefined): void {
    const { config, hooks } = this.#deps;
    const { address } = config;
    const before = this.#refused;
    this.#refused = refused;
    if (before?.port === refused?.port) return;
    if (before) hooks.onBound({ address, port: before.port });
    if (refused) hooks.onUnbound({ address, port: refused.port }, refused.message, refused.errno);
  }

  get listeners(): number {
    return this.#inside.listeners;
  }

  dial({ from, ...to }: Dial): Promise<ByteStream> {
    if (from.kind === 'delivery' && proxyPorts.has(to.port))
      throw new MeshError('DIAL_REFUSED', `${to.address}:${to.port} is a port of this proxy itself`);
    return this.#inside.dial(to, from.kind === 'delivery' ? from.caller : undefined);
  }

  resolverSocket(_: LocalPod, to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket {
    return this.#inside.resolverSocket(to, hooks);
  }

  explainCaller(): undefined {
    return undefined;
  }
}
