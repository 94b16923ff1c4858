import assert from 'node:assert/strict';
import { TokenBucket } from '@isthmus/mesh/shares/token-bucket.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('mesh/shares, a bucket of tokens', () => {
  it('gives its burst and not one more, then so many each second, and never more than its burst', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, 3, 2);
    assert.deepEqual(
      [bucket.take(), bucket.take(2), bucket.take(), bucket.whole],
      [true, true, false, false],
    );
    await clock.advance(1000);
    assert.deepEqual([bucket.take(3), bucket.take(2), bucket.take()], [false, true, false]);
    await clock.advance(60_000);
    assert.equal(bucket.whole, true);
    assert.deepEqual([bucket.take(3), bucket.take()], [true, false]);
  });
});
