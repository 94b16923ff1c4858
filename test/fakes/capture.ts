import type { Socket } from 'node:net';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import type {
  Arrival,
  Capture,
  CaptureDeps,
  Dial,
  LocalPod,
  ResolverSocket,
} from '@isthmus/ztunnel/capture/capture.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';

/** With the socket of Node's, with which tests are written. */
type OnSocket<A> = A extends Arrival ? Omit<A, 'connection'> & { readonly socket: Socket } : never;

/** Capture of which a test says what arrives, and that hands out what a test has put there for each dial. */
export class FakeCapture implements Capture {
  readonly dials: Dial[] = [];
  readonly followed: Touched[] = [];
  readonly outside = 'nothing else is reached here';
  readonly listeners = 0;
  readonly #deps: CaptureDeps;
  readonly #answer: (dial: Dial) => Promise<Socket>;

  constructor(
    deps: CaptureDeps,
    answer: (dial: Dial) => Promise<Socket> = () => Promise.reject(new Error('no')),
  ) {
    this.#deps = deps;
    this.#answer = answer;
  }

  arrive({ socket, ...arrival }: OnSocket<Arrival>): void {
    this.#deps.hooks.onArrival({ ...arrival, connection: new NodeStream(socket) });
  }

  follow(touched: Touched): void {
    this.followed.push(touched);
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.followed.length = 0;
  }

  async dial(dial: Dial): Promise<ByteStream> {
    this.dials.push(dial);
    return new NodeStream(await this.#answer(dial));
  }

  resolverSocket(): ResolverSocket {
    return { send: () => undefined, close: () => undefined };
  }

  explainCaller(caller: LocalPod): string | undefined {
    return caller.kind === 'address' && caller.address === '' ? 'it has none' : undefined;
  }
}
