import { serverStreams } from '@isthmus/mesh/http2/node/parameters.ts';
import { defaultLimits } from '@isthmus/mesh/shares/peer-share.ts';
import { madeYouResetVariants } from './attacks/made-you-reset.ts';
import { atMost } from './bound.ts';
import { broken, overResets, Siege } from './siege.ts';

describe('S2, streams that the peer makes the proxy reset (CVE-2025-8671)', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  for (const variant of madeYouResetVariants)
    for (const connections of [1, 50])
      it(`by ${variant}, connections: ${connections}`, async () => {
        const { served } = siege.target.cluster;
        served.most = served.open;
        const attack = { attack: 'made-you-reset', variant, connections };
        await siege.withstand(attack, { recorded: [broken, overResets] });
        // One is V's. All of an attack's sessions are of one identity.
        const atOnce = Math.min(connections * serverStreams, defaultLimits.streams);
        atMost('connections at once to the application', served.most - 1, atOnce);
      });
});
