import { madeYouResetVariants } from './attacks/made-you-reset.ts';
import { atMost } from './bound.ts';
import { broken, overResets, Siege } from './siege.ts';

/** What a session may have at once: SETTINGS_MAX_CONCURRENT_STREAMS. */
const streamsAtOnce = 200;

describe('S2, streams that the peer makes the proxy reset (CVE-2025-8671)', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  for (const variant of madeYouResetVariants)
    it(`by ${variant}`, async () => {
      const { served } = siege.target.cluster;
      served.most = served.open;
      await siege.withstand({ attack: 'made-you-reset', variant }, { told: [broken, overResets] });
      // One is V's.
      atMost('connections at once to the application', served.most - 1, streamsAtOnce);
    });
});
