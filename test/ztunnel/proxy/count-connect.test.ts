import assert from 'node:assert/strict';
import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import { PeerShares } from '@isthmus/mesh/shares/peer-share.ts';
import { countConnect } from '@isthmus/ztunnel/proxy/count-connect.ts';
import { memoryPair } from '../../fakes/memory-pair.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('ztunnel/proxy, what a CONNECT takes before it is answered', () => {
  function world() {
    const clock = new FakeClock();
    const share = new PeerShares(clock, { unreadBytes: 100, maxUnreadBytes: 200 }).of('a');
    const said: string[] = [];
    const held = new Map<string, number>();
    const connect = (name: string, bytes: number) => {
      held.set(name, bytes);
      const listeners: (() => void)[] = [];
      const incoming: IncomingConnect = {
        authority: '10.0.0.1:8080',
        headers: {},
        closed: false,
        onClose: (listener) => void listeners.push(listener),
        gone: new AbortController().signal,
        get held() {
          return held.get(name) ?? 0;
        },
        accept: () => memoryPair()[0],
        refuse: (status, headers) => said.push(`${name} ${status} ${headers?.['x-isthmus-reason']}`),
      };
      const counted = countConnect(share, incoming, () => undefined);
      if (typeof counted === 'string') throw new Error(counted);
      return { counted, close: () => listeners.forEach((listener) => listener()) };
    };
    return { clock, share, said, held, connect };
  }

  for (const [where, bytes, refused] of [
    ['below', 98, []],
    ['at', 99, []],
    ['above', 100, ['a 503 PEER_LIMIT_BUFFERED_BYTES']],
  ] as const)
    it(`waits as long as it needs with bytes ${where} the share; beyond it the longest waiting is refused after a second`, async () => {
      const { clock, said, connect } = world();
      connect('a', bytes);
      await clock.advance(10);
      connect('b', 1);
      await clock.advance(900);
      assert.deepEqual(said, []);
      await clock.advance(60_000);
      assert.deepEqual(said, refused);
    });

  it('is not refused for bytes that others hold while it holds none', async () => {
    const { clock, said, held, connect } = world();
    connect('first', 0);
    connect('filling', 0);
    held.set('filling', 101);
    await clock.advance(10_000);
    assert.deepEqual(said, ['filling 503 PEER_LIMIT_BUFFERED_BYTES']);
  });

  it('holds nothing once it is accepted, refused or gone', async () => {
    const { clock, share, said, connect } = world();
    const [accepted, refused, gone] = [connect('a', 50), connect('b', 50), connect('c', 20)];
    assert.deepEqual([share.unread.total, share.refusal], [120, 'BUFFERED_BYTES']);
    accepted.counted.accept({});
    refused.counted.refuse(403);
    gone.close();
    assert.deepEqual([share.unread.total, share.refusal], [0, undefined]);
    await clock.advance(10_000);
    assert.deepEqual([said, clock.pending], [['b 403 undefined'], 0]);
  });
});
