import type { Flow, L4, L7Engine } from '@isthmus/mesh/l7/engine.ts';
import type { ByteStream, Reset } from '@isthmus/mesh/net/byte-stream.ts';
import type { Counters } from '@isthmus/mesh/net/relay.ts';
import { ProxyError } from '../proxy-error.ts';
import { accounted, type AccountDeps, type Accounted } from './carry.ts';
import { tapped, type Show } from './tap.ts';

interface HandedOver extends Accounted {
  readonly flow: Omit<Flow, 'gone'>;
  readonly near: ByteStream;
  readonly l4: L4;
}

/** Hands a connection that was let in to the L7 engine, counted, registered and logged like one that is relayed. */
export function serveFlow(
  deps: AccountDeps,
  l7: L7Engine,
  { flow, near, l4, ...account }: HandedOver,
): Promise<void> {
  const counters = { sent: 0, received: 0 };
  const gone = new AbortController();
  const over = (why: string) => gone.abort(new ProxyError('CONNECTION_ENDED', why));
  const shown = tapped(near, counting(counters, 'read'), () => over('its client has left'));
  const cut = (why: string) => {
    over(why);
    near.reset();
  };
  return accounted(deps, account, counters, cut, async () => {
    try {
      return await l7.serve({ ...flow, gone: gone.signal }, shown, l4);
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error)) };
    } finally {
      // What the engine has left open would be open for ever.
      if (!near.closed) near.close();
    }
  });
}

/** The far side of a request: a stream that is counted, registered and logged until it has closed. */
export function accountedStream(deps: AccountDeps, account: Accounted, stream: ByteStream): ByteStream {
  const counters = { sent: 0, received: 0 };
  const closed = Promise.withResolvers<Reset | undefined>();
  const cut = () => stream.reset();
  void accounted(deps, account, counters, cut, async () => ({ error: (await closed.promise)?.error }));
  return tapped(stream, counting(counters, 'written'), closed.resolve);
}

/** Counts bytes of a stream; what is sent on towards the server is `read` from a client and `written` to a server. */
const counting =
  (counters: Counters, sent: 'read' | 'written'): Show =>
  (action, { length }) => {
    counters[action === sent ? 'sent' : 'received'] += length;
  };
