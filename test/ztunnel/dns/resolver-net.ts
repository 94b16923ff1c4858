import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import type { ResolverSocketHooks } from '@isthmus/ztunnel/capture/capture.ts';
import type { ResolverSockets } from '@isthmus/ztunnel/dns/exchange.ts';

export interface Asked {
  readonly bytes: Buffer;
  readonly to: AddressPort;
  /** What the network delivers to the socket that has asked. */
  readonly say: (bytes: Buffer, from?: AddressPort) => void;
  readonly fail: () => void;
}

/** A network to resolvers of which a test says what they answer over UDP; nobody listens for TCP, unless a test says so. */
export class ResolverNet implements ResolverSockets {
  readonly asked: Asked[] = [];
  /** Sockets that are open. */
  open = 0;
  streams: (to: AddressPort) => Promise<ByteStream> = () =>
    Promise.reject(new MeshError('DIAL_REFUSED', 'nobody listens'));
  readonly #onAsked: (asked: Asked) => void;

  constructor(onAsked: (asked: Asked) => void = () => undefined) {
    this.#onAsked = onAsked;
  }

  datagrams(to: AddressPort, hooks: ResolverSocketHooks) {
    let isOpen = true;
    this.open++;
    const later = (run: () => void) => queueMicrotask(() => isOpen && run());
    return {
      send: (bytes: Buffer) => {
        const asked: Asked = {
          bytes,
          to,
          say: (answer, from = to) => later(() => hooks.onMessage(answer, from)),
          fail: () => later(() => hooks.onError(new Error('refused'))),
        };
        this.asked.push(asked);
        this.#onAsked(asked);
      },
      close: () => {
        if (isOpen) this.open--;
        isOpen = false;
      },
    };
  }

  stream(to: AddressPort): Promise<ByteStream> {
    return this.streams(to);
  }
}
