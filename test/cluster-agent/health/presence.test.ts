import assert from 'node:assert/strict';
import { Presence } from '@isthmus/cluster-agent/health/presence.ts';

/** A presence in which these proxies have streams. */
function connected(...proxies: string[]): Presence<string> {
  const presence = new Presence<string>();
  for (const proxy of proxies) presence.opened(proxy);
  return presence;
}

const proxies = (count: number) => Array.from({ length: count }, (_, i) => `ztunnel/istio-system/z${i}`);

describe('whether a proxy counts as connected', () => {
  it('holds the last value for 5 s after a stream was lost, and not longer', () => {
    const presence = connected('a', 'b');
    presence.lost('a', 1000);
    assert.equal(presence.contact('a', 1000), 'HELD');
    assert.equal(presence.contact('a', 5999), 'HELD');
    assert.equal(presence.contact('a', 6000), 'AWAY');
    assert.equal(presence.contact('b', 6000), 'CONNECTED');
  });

  it('holds for 5 s when two streams were lost within a second, and for 30 s, stale, when three were', () => {
    const presence = connected('a', 'b', 'c', 'd');
    presence.lost('a', 1000);
    presence.lost('b', 1500);
    assert.equal(presence.contact('a', 2000), 'HELD');
    presence.lost('c', 1999);
    for (const [proxy, at] of [
      ['a', 1000],
      ['b', 1500],
      ['c', 1999],
    ] as const) {
      assert.equal(presence.contact(proxy, at + 29_999), 'STALE');
      assert.equal(presence.contact(proxy, at + 30_000), 'AWAY');
    }
  });

  it('counts losses that are a second apart one by one', () => {
    const presence = connected('a', 'b', 'c', 'd');
    presence.lost('a', 1000);
    presence.lost('b', 1500);
    presence.lost('c', 2000);
    assert.equal(presence.contact('a', 6000), 'AWAY');
    assert.equal(presence.contact('c', 6999), 'HELD');
    assert.equal(presence.contact('c', 7000), 'AWAY');
  });

  it('counts a proxy once that loses its stream again and again', () => {
    const presence = connected('a', 'b');
    for (const at of [1000, 1100, 1200]) {
      presence.lost('a', at);
      presence.opened('a');
    }
    presence.lost('a', 1300);
    assert.equal(presence.contact('a', 1301), 'HELD');
    assert.equal(presence.contact('a', 6300), 'AWAY');
  });

  it('holds for 30 s when all streams that there were are lost within a second, be it one', () => {
    const presence = connected('a', 'b');
    presence.lost('a', 1000);
    presence.lost('b', 1900);
    assert.equal(presence.contact('a', 30_999), 'STALE');
    assert.equal(presence.contact('b', 31_899), 'STALE');
    assert.equal(presence.contact('b', 31_900), 'AWAY');
    const alone = connected('a');
    alone.lost('a', 0);
    assert.equal(alone.contact('a', 29_999), 'STALE');
  });

  it('holds what was known before for 30 s after a start, and nothing of a proxy that was not known', () => {
    const presence = new Presence<string>();
    presence.started(proxies(2), 500);
    assert.equal(presence.contact(proxies(2)[0]!, 30_499), 'STALE');
    assert.equal(presence.contact(proxies(2)[0]!, 30_500), 'AWAY');
    assert.equal(presence.contact('ztunnel/istio-system/new', 500), 'AWAY');
  });

  it('keeps what is held while a proxy is back and has acknowledged nothing yet', () => {
    const presence = connected('a', 'b');
    presence.lost('a', 1000);
    presence.opened('a');
    assert.equal(presence.contact('a', 1001), 'CONNECTED');
    assert.equal(presence.held('a', 1001), 'HELD');
    assert.equal(presence.held('a', 6000), undefined);
  });

  it('ignores the loss of a stream that it does not know, and says when the next hold ends', () => {
    const presence = connected('a', 'b', 'c');
    presence.lost('unknown', 0);
    assert.equal(presence.nextEnd, Infinity);
    presence.lost('a', 1000);
    presence.lost('b', 3000);
    assert.equal(presence.nextEnd, 6000);
    assert.deepEqual([...presence.ended(6000)], ['a']);
    assert.equal(presence.nextEnd, 8000);
    assert.deepEqual([...presence.ended(8000)], ['b']);
    assert.equal(presence.nextEnd, Infinity);
  });
});
