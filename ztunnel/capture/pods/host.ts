import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import { proxyPorts } from '@isthmus/mesh/decide/proxy-ports.ts';
import type { Capture, CaptureDeps, Dial, LocalPod } from '../capture.ts';
import { arrivalOf } from './arrival.ts';
import { Inside } from './inside.ts';

/**
 * Capture of one workload in the proxy's own network namespace: a machine outside Kubernetes. It is the workload at the
 * proxy's own address.
 */
export class Host implements Capture {
  readonly outside = undefined;
  readonly #inside: Inside;

  constructor({ config, clock, hooks }: CaptureDeps) {
    const pod: LocalPod = { kind: 'address', address: config.address };
    this.#inside = new Inside('own', {
      clock,
      lost: new LostPeers(clock),
      onCaptured: (captured) => hooks.onArrival(arrivalOf(pod, captured)),
    });
  }

  follow(): void {
    // There is one workload, and its place is the proxy's own.
  }

  open(): Promise<void> {
    return this.#inside.open();
  }

  close(): void {
    this.#inside.stop();
  }

  get listeners(): number {
    return this.#inside.listeners;
  }

  dial({ from, ...to }: Dial): Promise<ByteStream> {
    if (from.kind === 'delivery' && proxyPorts.has(to.port))
      throw new MeshError('DIAL_REFUSED', `${to.address}:${to.port} is a port of this proxy itself`);
    return this.#inside.dial(to, from.kind === 'delivery' ? from.caller : undefined);
  }

  explainCaller(): undefined {
    return undefined;
  }
}
