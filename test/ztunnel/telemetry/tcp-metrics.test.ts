import assert from 'node:assert/strict';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import type { TcpFacts } from '@isthmus/ztunnel/telemetry/tcp-labels.ts';
import { TcpMetrics } from '@isthmus/ztunnel/telemetry/tcp-metrics.ts';
import { memoryPair } from '../../fakes/memory-pair.ts';

const facts = (name: string): TcpFacts => ({
  reporter: 'destination',
  service: undefined,
  mtls: true,
  source: { workload: { ...parseBaggage(undefined), workloadName: name }, identity: undefined },
  destination: { workload: undefined, identity: undefined },
});

/** `name/flags opened closed failed received sent`, in the order of names. */
const shown = (metrics: TcpMetrics) =>
  metrics
    .all()
    .map(({ labels, opened, closed, failed, received, sent }) =>
      [`${labels.source_workload}/${labels.response_flags}`, opened, closed, failed, received, sent].join(
        ' ',
      ),
    )
    .sort();

describe('ztunnel/telemetry TCP metrics', () => {
  it('count a connection at its opening, its bytes while it lives, and its end once', () => {
    const metrics = new TcpMetrics();
    const bytes = { received: 0, sent: 0 };
    const end = metrics.open(facts('front'), () => bytes);
    Object.assign(bytes, { received: 5, sent: 7 });
    assert.deepEqual(shown(metrics), ['front/- 1 0 0 5 7']);
    Object.assign(bytes, { received: 6, sent: 9 });
    assert.deepEqual(shown(metrics), ['front/- 1 0 0 6 9'], 'looking twice adds nothing twice');
    end('-');
    end('-');
    assert.deepEqual(shown(metrics), ['front/- 1 1 0 6 9']);
  });

  it('count a failed one as opened, closed and failed, as upstream does: its end has the flags', () => {
    const metrics = new TcpMetrics();
    metrics.open(facts('front'))('DENY');
    assert.deepEqual(shown(metrics), ['front/- 1 0 0 0 0', 'front/DENY 0 1 1 0 0']);
  });

  it('keep only so many label sets: the one that is idle longest gives way', () => {
    const metrics = new TcpMetrics(2);
    metrics.open(facts('a'))('-');
    metrics.open(facts('b'))('-');
    metrics.open(facts('a'))('-');
    metrics.open(facts('c'))('-');
    assert.deepEqual(shown(metrics), ['a/- 2 2 0 0 0', 'c/- 1 1 0 0 0']);
    assert.equal(metrics.evicted, 1);
  });

  it('let no new one push out what lives, and count it without names', () => {
    const metrics = new TcpMetrics(2);
    const ends = ['a', 'b'].map((name) => metrics.open(facts(name)));
    for (const name of ['c', 'd']) metrics.open(facts(name))('-');
    assert.deepEqual(shown(metrics), ['a/- 1 0 0 0 0', 'b/- 1 0 0 0 0', 'unknown/- 2 2 0 0 0']);
    for (const end of ends) end('-');
    metrics.open(facts('e'))('-');
    assert.ok(shown(metrics).includes('e/- 1 1 0 0 0'), 'names come back when there is room');
  });

  it('count accepted sockets that are open', async () => {
    const metrics = new TcpMetrics();
    const [one] = memoryPair();
    const [other] = memoryPair();
    metrics.accepted('source', one);
    metrics.accepted('destination', other);
    assert.deepEqual(metrics.sockets, { source: 1, destination: 1 });
    one.reset();
    await one.whenClosed;
    assert.deepEqual(metrics.sockets, { source: 0, destination: 1 });
  });
});
