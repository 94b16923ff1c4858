import assert from 'node:assert/strict';
import type { ProxyReport } from '@isthmus/api/domain/proxy-report.ts';
import { noFacts, type ProxyFacts } from '@isthmus/ztunnel/report/facts.ts';
import { Reporter } from '@isthmus/ztunnel/report/reporter.ts';
import { FakeClock } from '../../fakes/clock.ts';

function world() {
  const clock = new FakeClock();
  const sent: ProxyReport[] = [];
  const state = { facts: noFacts, takesMore: true };
  const reporter = new Reporter({
    clock,
    facts: () => state.facts,
    sender: { nodeId: 'ztunnel~127.0.0.1~z.istio-system~d', startedAt: 5 },
  });
  const stream = {
    write(report: ProxyReport) {
      sent.push(report);
      return state.takesMore;
    },
  };
  const change = (part: Partial<ProxyFacts>) => (state.facts = { ...state.facts, ...part });
  return { clock, sent, state, reporter, stream, change };
}

const unboundAt = (port: number): ProxyFacts['unbound'] =>
  new Map([[`127.0.0.1:${port}`, { place: { address: '127.0.0.1', port }, code: 'EACCES' }]]);

describe('ztunnel/report reporter', () => {
  it('says who it is and everything at once when a stream opens, and again on the next one', () => {
    const { reporter, sent, stream, change } = world();
    change({ openConnections: 2 });
    for (let i = 0; i < 2; i++) reporter.open(stream);
    assert.deepEqual(
      sent.map(({ nodeId, startedAt, openConnections }) => [nodeId, startedAt, openConnections]),
      [
        ['ztunnel~127.0.0.1~z.istio-system~d', 5, 2],
        ['ztunnel~127.0.0.1~z.istio-system~d', 5, 2],
      ],
    );
  });

  it('sends news within a second, and several changes in one message', async () => {
    const { clock, reporter, sent, stream, change } = world();
    reporter.open(stream);
    for (const port of [1, 2, 3]) {
      change({ unbound: unboundAt(port) });
      reporter.news();
    }
    await clock.advance(999);
    assert.equal(sent.length, 1);
    await clock.advance(1);
    assert.deepEqual(sent[1]?.unbound, [...unboundAt(3).values()]);
    assert.equal(sent.length, 2);
  });

  it('goes on over a new stream when an earlier one says late that it has ended', async () => {
    const { clock, reporter, sent, stream, change } = world();
    const earlier = { write: () => true };
    reporter.open(earlier);
    reporter.open(stream);
    reporter.close(earlier);
    change({ unbound: unboundAt(1) });
    reporter.news();
    await clock.advance(1000);
    assert.equal(sent.length, 2);
    reporter.close(stream);
    reporter.news();
    assert.equal(clock.pending, 0);
  });

  it('gathers counts for ten seconds', async () => {
    const { clock, reporter, sent, stream, change } = world();
    reporter.open(stream);
    for (let i = 1; i <= 9; i++) {
      change({ openConnections: i });
      reporter.counted();
      await clock.advance(1000);
    }
    assert.equal(sent.length, 1);
    await clock.advance(1000);
    assert.equal(sent[1]?.openConnections, 9);
  });

  it('sends news within a second also where counts are gathered', async () => {
    const { clock, reporter, sent, stream, change } = world();
    reporter.open(stream);
    change({ openConnections: 4 });
    reporter.counted();
    await clock.advance(2000);
    change({ unbound: unboundAt(1) });
    reporter.news();
    await clock.advance(999);
    assert.equal(sent.length, 1);
    await clock.advance(1);
    assert.deepEqual(sent[1]?.unbound, [...unboundAt(1).values()]);
    assert.equal(sent[1].openConnections, undefined);
    await clock.advance(7000);
    assert.equal(sent[2]?.openConnections, 4);
  });

  it('sends a long report in one message a second, also where counts are gathered', async () => {
    const { clock, reporter, sent, stream, change } = world();
    reporter.open(stream);
    const ports = Array.from({ length: 66 }, (_, i) => [...unboundAt(i + 1)][0]!);
    change({ unbound: new Map(ports), openConnections: 4 });
    reporter.news();
    await clock.advance(3000);
    assert.deepEqual(
      sent.slice(1).map(({ unbound }) => unbound.length),
      [32, 32, 2],
    );
  });

  it('sends nothing while nothing changes, and keeps no timer then', async () => {
    const { clock, reporter, sent, stream } = world();
    reporter.open(stream);
    reporter.news();
    await clock.advance(60_000);
    assert.equal(sent.length, 1);
    assert.equal(clock.pending, 0);
  });

  it('waits for a stream that takes no more, and sends the latest then', async () => {
    const { clock, reporter, sent, state, stream, change } = world();
    state.takesMore = false;
    reporter.open(stream);
    for (const port of [1, 2]) {
      change({ unbound: unboundAt(port) });
      reporter.news();
      await clock.advance(5000);
    }
    assert.equal(sent.length, 1);
    reporter.drained(stream);
    await clock.advance(1000);
    assert.deepEqual(sent[1]?.unbound, [...unboundAt(2).values()]);
  });
});
