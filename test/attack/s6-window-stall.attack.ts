import { defaultLimits } from '@isthmus/mesh/shares/peer-share.ts';
import { pouring, type Application } from './applications.ts';
import { mebibyte } from './measured.ts';
import { Siege } from './siege.ts';

const [greedy, obedient] = [4000, 200];
/** MiB: the identity's share of bytes, which the C library keeps for the next attack (ADR 49). */
const kept = defaultLimits.unsentBytes / mebibyte;

describe('S6, streams without a window', () => {
  let siege: Siege;
  let pour: Application;
  before(async () => {
    siege = await Siege.begin();
    pour = await pouring(siege.target, 9081, 256 * 1024, { stays: true });
  });
  after(async () => {
    pour.stop();
    await siege.end();
  });

  for (const count of [obedient, greedy])
    it(`50 connections of one identity with ${count} streams each that never have a window`, async () => {
      const attack = {
        attack: 'window-stall',
        connections: 50,
        count,
        authority: pour.authority,
        seconds: 3,
      };
      await siege.withstand(attack, { growth: 32, kept });
    });
});
