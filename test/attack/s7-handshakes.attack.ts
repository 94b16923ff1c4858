import assert from 'node:assert/strict';
import { defaultHandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { atMost, equal } from './bound.ts';
import type { Flooded } from './job.ts';
import { attackSeconds, withinMillis } from './measured.ts';
import { Siege, type Recorded } from './siege.ts';

const { begun, inProgress, timeoutMillis } = defaultHandshakeLimits;
const connections = 3000;

/**
 * What OpenSSL gives back stays with the C library, which returns only the end of its heap to the kernel. Measured: 26 to
 * 31 MiB after the first attack, which is 75 KiB for each handshake whose TLS had begun, and 1 MiB more after the next.
 */
const keptOfOne = 80;

/** MiB of V8's heap, which grows to three times what lives in it and keeps the pages (docs/adr/0049). */
const keptByV8 = 32;

const evicted: Recorded = { metric: 'isthmus_handshakes_evicted_total', line: 'HANDSHAKES_IN_PROGRESS' };
const failed: Recorded = { metric: 'isthmus_handshakes_refused_total', line: 'HANDSHAKES_FAILED' };

/** S7: handshakes that cost a listener much and their sender little. */
describe(`S7, ${connections} handshakes at once`, () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  async function withstands(variant: 'whole' | 'half', kept = 0): Promise<Flooded> {
    const { target } = siege;
    const metric = () => target.metric('isthmus_handshakes_in_progress');
    let most = 0;
    let over = false;
    const watch = async () => {
      while (!over) {
        most = Math.max(most, await metric());
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const from = target.cluster.outside(0).replace(/\.0$/, '');
    const attack = {
      attack: 'handshake-flood',
      variant,
      connections,
      from,
      seconds: Math.max(8, attackSeconds),
    };
    const watched = watch();
    const { flooded } = await siege
      .withstand(attack, { kept, recorded: [evicted, failed] })
      .finally(() => (over = true));
    await watched;
    assert.ok(flooded);
    assert.ok(flooded.begun >= connections, `${flooded.begun} were begun`);
    atMost('handshakes in progress at once', most, inProgress);
    equal('handshakes in progress afterwards', await metric(), 0);
    equal('connections that were left open', flooded.held, 0);
    assert.ok(await target.cluster.call());
    return flooded;
  }

  it('that come to their end without a certificate', async () => {
    await withstands('whole', (begun * keptOfOne) / 1024);
  });

  it('and again: memory does not grow with each attack', async () => {
    const before = siege.target.rss;
    await withstands('whole');
    atMost('memory, over what the attack before has left', (siege.target.rss / before - 1) * 100, 10, ' %');
  });

  it('that stop after the first bytes of a hello', async () => {
    const { longest } = await withstands('half', keptByV8);
    withinMillis('the longest was held, from its connect,', longest, timeoutMillis + 1000);
  });
});
