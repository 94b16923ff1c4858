import assert from 'node:assert/strict';
import { latest } from '../../../federation/graphql/subscriptions/latest.ts';

describe('what a subscription gives', () => {
  const world = () => {
    let value: string | undefined;
    let wake = () => undefined as void;
    let stopped = 0;
    const stream = latest({
      start(run) {
        wake = run;
        return () => stopped++;
      },
      take() {
        const one = value;
        value = undefined;
        return one;
      },
      isLast: (one) => one === 'end',
    });
    const say = (next: string) => {
      value = next;
      wake();
    };
    return { stream, say, stopped: () => stopped };
  };

  it('is the latest of what came while its reader was busy', async () => {
    const { stream, say } = world();
    say('a');
    say('b');
    assert.equal((await stream.next()).value, 'b');
    const waiting = stream.next();
    say('c');
    assert.equal((await waiting).value, 'c');
  });

  it('ends with the last one, and leaves its source', async () => {
    const { stream, say, stopped } = world();
    say('end');
    assert.equal((await stream.next()).value, 'end');
    assert.equal((await stream.next()).done, true);
    assert.equal(stopped(), 1);
  });

  it('ends at once when its reader leaves while it waits', async () => {
    const { stream, stopped } = world();
    const waiting = stream.next();
    await stream.return?.();
    await stream.return?.();
    assert.equal((await waiting).done, true);
    assert.equal(stopped(), 1);
  });
});
