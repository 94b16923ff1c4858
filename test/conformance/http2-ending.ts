import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ServerSession } from '@isthmus/mesh/http2/session.ts';
import type { DuplexClient, DuplexIncoming } from '../fakes/duplex-sessions.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { connected, endOf, never } from '../fakes/http2-ends.ts';
import type { Make } from './http2-foreign.ts';

/** How streams and sessions end, between two ends that are both ours. */
export function http2Ending(name: string, make: Make): void {
  const http2 = make(systemClock);
  describe(`http2 conformance: ${name}, how it ends`, () => {
    let client: DuplexClient;
    let server: ServerSession;
    const meet = async (onConnect: (incoming: DuplexIncoming) => void) => {
      const { dialled, accepted } = await connected();
      server = http2.server(accepted, onConnect);
      client = await http2.client(dialled, 5000);
    };
    afterEach(() => client.destroy());
    const connect = (wanted = 'a:1') => client.connect({ authority: wanted, headers: {} }, never);

    it('a server that closes lets streams go on, and serves what crossed its word', async () => {
      await meet(({ accept }) => {
        const stream = accept({});
        stream.pipe(stream);
      });
      const { stream } = await connect();
      const closed = new Promise<unknown>((resolve) => client.onClose(resolve));
      const waiting = connect();
      // It is on the wire, and the server has not read it.
      await new Promise((resolve) => setImmediate(resolve));
      server.close();
      const crossing = await waiting;
      while (client.usable) {
        stream.write('still');
        await once(stream, 'data');
      }
      crossing.stream.end();
      await once(crossing.stream.resume(), 'end');
      stream.end();
      await once(stream.resume(), 'end');
      assert.equal(await closed, undefined);
      await assert.rejects(connect(), { code: 'CONNECT_FAILED' });
    });

    it('a CONNECT that is open when the session dies fails', async () => {
      await meet(() => server.destroy());
      await assert.rejects(connect(), { code: 'CONNECT_FAILED' });
      assert.equal(client.usable, false);
    });

    it('a stream that is destroyed is a reset at the other end, whichever end that is, and not an end', async () => {
      const accepted: Duplex[] = [];
      await meet(({ accept }) => void accepted.push(accept({})));
      for (const dropped of ['client', 'server']) {
        const { stream } = await connect();
        const far = accepted.at(-1)!;
        stream.write('half of it');
        await once(far, 'readable');
        const [gone, left] = dropped === 'client' ? [stream, far] : [far, stream];
        const ended = endOf(left);
        let whole = false;
        left.on('end', () => (whole = true));
        gone.destroy();
        assert.deepEqual([dropped, await ended, whole], [dropped, 'STREAM_RESET', false]);
      }
    });

    it('a reset also drops what waits to be written, and the session ends after a graceful close', async () => {
      const writing: Duplex[] = [];
      await meet(({ accept }) => {
        const stream = accept({});
        writing.push(stream);
        stream.write(Buffer.alloc(5 * 1024 * 1024));
      });
      const opened = await Promise.all(Array.from({ length: 10 }, () => connect()));
      const ends = writing.map(endOf);
      const over = [client, server].map((one) => new Promise((resolve) => one.onClose(resolve)));
      server.close();
      for (const { stream } of opened) stream.destroy();
      assert.deepEqual(new Set(await Promise.all(ends)), new Set(['STREAM_RESET']));
      assert.deepEqual(await Promise.all(over), [undefined, undefined]);
    });

    it('the loss of the session is a reset of its streams, and not an end', async () => {
      const accepted: Duplex[] = [];
      await meet(({ accept }) => void accepted.push(accept({})));
      await connect();
      let whole = false;
      accepted[0]!.on('end', () => (whole = true));
      const ended = endOf(accepted[0]!);
      client.destroy();
      assert.deepEqual([await ended, whole], ['STREAM_RESET', false]);
    });

    it('a client that uses all 200 streams may end one and open another in the same breath', async () => {
      await meet(({ accept }) => accept({}).end('the server has ended first'));
      const opened = await Promise.all(Array.from({ length: 200 }, () => connect()));
      for (const { stream } of opened) await once(stream.resume(), 'end');
      const reopened = opened.map(({ stream }) => {
        stream.end();
        return connect();
      });
      for (const answer of await Promise.all(reopened)) assert.equal(answer.status, 200);
    });

    it('signals a server when the client has given up on its answer', async () => {
      const asked = Promise.withResolvers<AbortSignal>();
      await meet(({ gone }) => asked.resolve(gone));
      const stop = new AbortController();
      const waiting = client.connect({ authority: 'a:1', headers: {} }, stop.signal);
      const gone = await asked.promise;
      assert.equal(gone.aborted, false);
      const aborted = once(gone, 'abort');
      stop.abort();
      await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
      await aborted;
    });

    it('a stream that is reset before a listener is attached ends no other stream', async () => {
      await meet(({ authority: wanted, accept }) => {
        const stream = accept({});
        if (wanted === 'broken:1') stream.destroy(new Error('the application broke'));
      });
      const { stream } = await connect('broken:1');
      if (!stream.closed) await endOf(stream);
      assert.equal((await connect()).status, 200);
    });
  });
}
