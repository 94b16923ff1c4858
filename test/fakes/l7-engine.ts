import type { Flow, FlowEnd, L4, L7Engine } from '@isthmus/mesh/l7/engine.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { relay } from '@isthmus/mesh/net/relay.ts';

/** Where an L7 engine of a test takes a flow to; undefined: it echoes. */
type Onward = (flow: Flow, l4: L4) => Promise<ByteStream>;

/** An L7 engine that reads nothing: it takes the flows of one direction, and echoes them or carries them on. */
export class FakeL7 implements L7Engine {
  readonly served: Flow[] = [];
  readonly applied: string[] = [];
  /** Ended by L4, and why. */
  readonly ended: string[] = [];
  readonly #direction: Flow['direction'];
  readonly #onward: Onward | undefined;
  #drained = Promise.withResolvers<void>();

  constructor(direction: Flow['direction'], onward?: Onward) {
    this.#direction = direction;
    this.#onward = onward;
    this.#drained.resolve();
  }

  apply: L7Engine['apply'] = ({ type }) => {
    this.applied.push(type);
    return [];
  };

  takes: L7Engine['takes'] = ({ direction }) => direction === this.#direction;

  async serve(flow: Flow, near: ByteStream, l4: L4): Promise<FlowEnd> {
    this.served.push(flow);
    flow.gone.addEventListener('abort', () => this.ended.push(String(flow.gone.reason)), { once: true });
    if (!this.#onward) return echo(near);
    return relay(near, await this.#onward(flow, l4), { sent: 0, received: 0 });
  }

  /** Until `release` it says that something is left. */
  hold(): { readonly release: () => void } {
    this.#drained = Promise.withResolvers<void>();
    return { release: () => this.#drained.resolve() };
  }

  drain(): Promise<void> {
    return this.#drained.promise;
  }
}

/** Sends back what comes, until the stream has closed. */
function echo(near: ByteStream): Promise<FlowEnd> {
  return new Promise((resolve) => {
    near.receive({
      onBytes: (bytes) => void near.write(Buffer.from(bytes)),
      onEnd: () => near.end(),
      onDrain: () => undefined,
      onClose: (reset) => resolve({ error: reset?.error }),
    });
    near.resume();
  });
}
