import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { DuplexClient, DuplexIncoming } from '../fakes/duplex-sessions.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { connected, endOf, never } from '../fakes/http2-ends.ts';
import { http2Ending } from './http2-ending.ts';
import { http2Foreign, type Make } from './http2-foreign.ts';
import { http2Refused } from './http2-refused.ts';
import { http2SlowServer } from './http2-slow-server.ts';
import { http2Slow } from './http2-slow.ts';

/** What every implementation of CONNECT sessions must do. */
export function http2Conformance(name: string, make: Make): void {
  carrying(name, make);
  http2Ending(name, make);
  http2Foreign(name, make);
  http2Slow(name, make);
  http2SlowServer(name, make);
  http2Refused(name, make);
}

function carrying(name: string, make: Make): void {
  const http2 = make(systemClock);
  const sessions = async (onConnect: (incoming: DuplexIncoming) => void) => {
    const { dialled, accepted } = await connected();
    http2.server(accepted, onConnect);
    return http2.client(dialled, 5000);
  };
  describe(`http2 conformance: ${name}`, () => {
    let session: DuplexClient;
    afterEach(() => session.destroy());

    it('carries bytes both ways, with headers both ways', async () => {
      session = await sessions(({ authority: wanted, headers, accept }) => {
        assert.equal(wanted, 'shop.example:80');
        assert.equal(headers['baggage'], 'a=b');
        const stream = accept({ baggage: 'c=d' });
        stream.pipe(stream);
      });
      const answer = await session.connect(
        { authority: 'shop.example:80', headers: { baggage: 'a=b' } },
        never,
      );
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['baggage'], 'c=d');
      answer.stream.write('hello');
      assert.equal(String((await once(answer.stream, 'data'))[0]), 'hello');
    });

    it('rejects with the status of a refusal', async () => {
      session = await sessions(({ refuse }) => refuse(401, { 'x-isthmus-reason': 'no' }));
      const answer = await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['x-isthmus-reason'], 'no');
    });

    it('ends each direction by itself', async () => {
      session = await sessions(({ accept }) => {
        const stream = accept({});
        let heard = '';
        stream.on('data', (chunk: Buffer) => (heard += String(chunk)));
        stream.on('end', () => stream.end(`heard ${heard}`));
      });
      const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
      stream.end('all of it');
      let answer = '';
      stream.on('data', (chunk: Buffer) => (answer += String(chunk)));
      await once(stream, 'end');
      assert.equal(answer, 'heard all of it');
    });

    it('carries 10 MB each way beside a stream that nobody reads', async () => {
      session = await sessions(({ authority: wanted, accept }) => {
        const stream = accept({});
        if (wanted === 'echo:1') stream.pipe(stream);
      });
      const stalled = await session.connect({ authority: 'stalled:1', headers: {} }, never);
      stalled.stream.write(Buffer.alloc(8 * 1024 * 1024));
      const { stream } = await session.connect({ authority: 'echo:1', headers: {} }, never);
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.end(Buffer.alloc(10 * 1024 * 1024));
      await once(stream, 'end');
      assert.equal(bytes, 10 * 1024 * 1024);
    });

    it('opens a hundred streams at once, counts them, and is not usable once closed', async () => {
      session = await sessions(({ accept }) => accept({}));
      const opened = await Promise.all(
        Array.from({ length: 100 }, () => session.connect({ authority: 'a:1', headers: {} }, never)),
      );
      assert.equal(opened.length, 100);
      assert.equal(session.activeStreams, 100);
      assert.ok(session.maxStreams >= 100);
      session.close();
      assert.equal(session.usable, false);
    });

    it('aborts a CONNECT on its signal', async () => {
      session = await sessions(() => undefined);
      const stop = new AbortController();
      const waiting = session.connect({ authority: 'a:1', headers: {} }, stop.signal);
      stop.abort();
      await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
    });

    it('a CONNECT that was given up before it began is not sent', async () => {
      const heard: string[] = [];
      session = await sessions(({ authority: wanted, accept }) => {
        heard.push(wanted);
        accept({});
      });
      const given = session.connect({ authority: 'up:1', headers: {} }, AbortSignal.abort());
      await assert.rejects(given, { code: 'CONNECT_FAILED' });
      await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.deepEqual(heard, ['a:1']);
    });

    it('the 201st stream waits until one of the 200 has ended', async () => {
      const heard: string[] = [];
      session = await sessions(({ authority: wanted, accept }) => {
        heard.push(wanted);
        const stream = accept({});
        stream.resume().on('end', () => stream.end());
      });
      const opened = await Promise.all(
        Array.from({ length: 200 }, () => session.connect({ authority: 'a:1', headers: {} }, never)),
      );
      const waiting = session.connect({ authority: 'last:1', headers: {} }, never);
      await session.connect({ authority: 'given-up:1', headers: {} }, AbortSignal.abort()).catch(() => 'no');
      assert.equal(heard.includes('last:1'), false);
      opened[0]?.stream.resume().end();
      assert.equal((await waiting).status, 200);
      assert.equal(heard.length, 201);
    });

    it('refusing what was accepted already resets it, and throws nothing', async () => {
      session = await sessions(({ accept, refuse }) => {
        accept({});
        refuse(503);
      });
      const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.equal(await endOf(stream), 'STREAM_RESET');
    });
  });
}
