import { frameFloodVariants } from './attacks/frame-flood.ts';
import { broken, Siege } from './siege.ts';

describe('S4, floods of frames that cost nothing to send', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  for (const variant of frameFloodVariants)
    it(`20,000 frames of ${variant} on each of 50 connections`, async () => {
      const attack = { attack: 'frame-flood', variant, count: 20_000, connections: 50 };
      await siege.withstand(attack, { closedWithin: 1000, recorded: [broken] });
    });
});
