import assert from 'node:assert/strict';
import { blockOf } from './attacks/header-bomb.ts';
import { atMost } from './bound.ts';
import { timeScale } from './measured.ts';
import { broken, overResets, Siege } from './siege.ts';

/** SETTINGS_MAX_HEADER_LIST_SIZE of a proxy. */
const largestList = 64 * 1024;

describe('S5, header bombs', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  const bombs = { references: 8000, 'cookie crumbs': 10_000, 'header list': largestList + 1 };
  for (const [variant, count] of Object.entries(bombs))
    for (const connections of [1, 50])
      it(`${variant} (${count}), connections: ${connections}`, async () => {
        const attack = { attack: 'header-bomb', variant, count, connections };
        const { sessions, grownBytes } = await siege.withstand(attack, {
          closedWithin: 1000,
          recorded: [broken, overResets],
        });
        const sent = sessions.reduce((sum, one) => sum + one.sent, 0) * blockOf(siege.job(attack)).length;
        atMost('bytes of memory for each that was sent', grownBytes / sent, 10);
        assert.ok(
          sessions.every(({ accepted }) => accepted === 0),
          'a list above the limit was taken',
        );
      });

  it(`takes a header list of ${largestList} bytes`, async () => {
    const list = { variant: 'header list', count: largestList, streams: 100 };
    const attack = { attack: 'header-bomb', seconds: 1, ...list };
    const { sessions } = await siege.withstand(attack, {});
    assert.ok(sessions.every(({ accepted, reset }) => accepted === 100 && reset === 0));
  });

  for (const variant of ['in one frame', 'in frames'])
    it(`headers at one byte a second, ${variant}`, async () => {
      const attack = { attack: 'header-drip', variant, connections: 10, seconds: 12 * timeScale };
      await siege.withstand(attack, { closedWithin: 10_000, recorded: [broken] });
    });
});
