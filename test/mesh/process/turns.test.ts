import assert from 'node:assert/strict';
import { Turns } from '@isthmus/mesh/process/turns.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('mesh/process turns', () => {
  /** Which pieces have begun, in order, after each turn of the event loop. */
  async function begun(pieces: number, perTurn: number, after: number): Promise<number[][]> {
    const turns = new Turns(perTurn);
    const order: number[] = [];
    for (let i = 0; i < pieces; i++) void turns.next('a').then(() => order.push(i));
    const seen: number[][] = [];
    await Promise.resolve();
    seen.push([...order]);
    for (let i = 0; i < after; i++) {
      await turn();
      seen.push([...order]);
    }
    return seen;
  }

  for (const [pieces, wanted] of [
    [1, [1, 1, 1]],
    [2, [2, 2, 2]],
    [3, [2, 3, 3]],
    [7, [2, 4, 6, 7]],
  ] as const)
    it(`${pieces} pieces begin two in a turn, in order`, async () => {
      const seen = await begun(pieces, 2, wanted.length - 1);
      assert.deepEqual(
        seen.map((one) => one.length),
        wanted,
      );
      assert.deepEqual(
        seen.at(-1),
        Array.from({ length: pieces }, (_, i) => i),
      );
    });

  it('begins at once again when a turn has passed', async () => {
    const turns = new Turns(1);
    await turns.next('a');
    await turn();
    let begun = false;
    void turns.next('a').then(() => (begun = true));
    await Promise.resolve();
    assert.equal(begun, true);
  });
});
