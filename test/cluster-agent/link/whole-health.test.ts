import assert from 'node:assert/strict';
import { WholeHealth } from '../../../cluster-agent/link/whole-health.ts';
import { aHealth } from '../../fakes/agent.ts';

describe('cluster-agent/link: endpoint counts in health reports', () => {
  let whole: WholeHealth;
  let sequence: number;
  beforeEach(() => {
    whole = new WholeHealth();
    sequence = 0;
  });

  const next = (healthy: number, now = 0, partial?: true) =>
    whole.next(
      {
        sequence: ++sequence,
        sentAt: 0,
        proxiesConnected: 1,
        workloads: 1,
        services: partial ? [] : [aHealth('cart', healthy)],
        unreadable: [],
        ...(partial && { partial }),
      },
      now,
    ).partial ?? false;

  it('are in the first report of a link, and in each until the hub has acknowledged one', () => {
    assert.deepEqual([next(2), next(2)], [false, false]);
    whole.acknowledged(1);
    assert.equal(next(2), false);
    whole.acknowledged(3);
    assert.equal(next(2), true);
  });

  it('are in a report when they differ from those that the hub has acknowledged, also when they change back', () => {
    next(2);
    whole.acknowledged(1);
    assert.deepEqual([next(1), next(2)], [false, false]);
    whole.acknowledged(2);
    assert.equal(next(2), false);
    whole.acknowledged(4);
    assert.equal(next(2), true);
  });

  for (const [after, isPartial] of [
    [59_999, true],
    [60_000, false],
    [60_001, false],
  ] as const)
    it(`are ${isPartial ? 'not ' : ''}in a report ${after} ms after the last that had them`, () => {
      next(2, 0);
      whole.acknowledged(1);
      assert.equal(next(2, after), isPartial);
    });

  it('are not there before the cluster is listed, and then in the first report', () => {
    assert.equal(next(0, 0, true), true);
    whole.acknowledged(1);
    assert.equal(next(2), false);
  });
});
