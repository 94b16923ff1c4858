import assert from 'node:assert/strict';
import type { Live } from '../../../federation/state/live.ts';
import { whenDifferent } from '../../../federation/graphql/subscriptions/moments.ts';

describe('federation/graphql whenDifferent', () => {
  it('yields what is gone once more when it comes back, and keeps nothing of it meanwhile', async () => {
    let wake = () => undefined as void;
    const live = { onChange: (run: () => void) => ((wake = run), () => undefined) } as unknown as Live;
    let values: readonly (readonly [string, string])[] = [
      ['a', '1'],
      ['b', '1'],
    ];
    const stream = whenDifferent(live, () => values);
    const next = async () => (await stream.next()).value as string;
    const turn = async (...now: readonly (readonly [string, string])[]) => {
      values = now;
      const value = next();
      wake();
      return value;
    };
    assert.deepEqual([await next(), await next()], ['1', '1']);
    assert.equal(await turn(['b', '2']), '2');
    assert.equal(await turn(['a', '1'], ['b', '2']), '1');
    await stream.return(undefined);
  });
});
