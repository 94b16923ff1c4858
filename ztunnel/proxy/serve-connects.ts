import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { Context } from '../engine/context.ts';

/** Any number of CONNECTs over a connection that was judged; each is served for itself, and one that fails harms none. */
export function serveConnects(
  context: Context,
  { socket, peer }: Secured,
  about: string,
  serve: (incoming: IncomingConnect) => Promise<void>,
): void {
  const { http2, connections, slots, counters, log } = context;
  const session = http2.server(socket, (incoming) => {
    const free = slots.take();
    if (!free) {
      counters.dropped++;
      incoming.refuse(503, { 'x-isthmus-reason': 'OVERLOADED' });
      return;
    }
    serve(incoming)
      .catch((error: unknown) => {
        incoming.refuse(503);
        log.error({ about, error: String(error) }, 'a CONNECT failed');
      })
      .finally(free);
  });
  const remove = connections.add({
    peer,
    about,
    close: () => session.destroy(),
    drain: () => session.close(),
  });
  session.onClose(remove);
}
