import assert from 'node:assert/strict';
import { deaf, type Application } from './applications.ts';
import { atMost } from './bound.ts';
import { mebibyte } from './measured.ts';
import { Siege } from './siege.ts';

/**
 * Measured on a machine with two cores that others used as well: 110 MiB in the first attack, 49 more in the second, V's
 * p99 0.4 s. With a share of 24 MiB: 190 and 0 MiB, so the share is not what decides.
 */
const gap =
  'a tunnel is reset at the earliest when it has stood still for a second, and until then a peer fills the windows';

/** MiB; 50 connections may have 800 MiB on the way at once. */
const never = 256;

describe('S6, an application that does not read', () => {
  let siege: Siege;
  let application: Application;
  before(async () => {
    siege = await Siege.begin();
    application = await deaf(siege.target, 9081);
  });
  after(async () => {
    application.stop();
    await siege.end();
  });

  for (const streams of [1, 4])
    it(`50 connections of one identity that fill ${streams} of its tunnels each: stalled ones are reset, other identities are served`, async () => {
      const resets = () => siege.target.metric('isthmus_stalled_tunnels_reset_total');
      const before = await resets();
      const attack = {
        attack: 'unread',
        connections: 50,
        streams,
        authority: application.authority,
        seconds: 3,
      };
      const { sessions, grownBytes } = await siege.withstand(attack, { growth: 64, gap });
      atMost('growth of memory, that it never passes', grownBytes / mebibyte, never, ' MiB');
      const [counted, seen] = [
        (await resets()) - before,
        sessions.reduce((sum, { reset }) => sum + reset, 0),
      ];
      console.log(`      stalled tunnels that were reset: ${counted}, of which the attacker saw ${seen}`);
      assert.ok(counted > 0 && seen > 0, 'no stalled tunnel was reset');
      assert.ok(seen < 50 * streams, 'tunnels within the share stay open');
    });
});
