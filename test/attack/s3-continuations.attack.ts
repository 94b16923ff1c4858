import { isLong } from './measured.ts';
import { broken, Siege } from './siege.ts';

describe('S3, header blocks without end (VU#421644, CVE-2024-27983)', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  for (const connections of [1, 50])
    it(`20,000 CONTINUATIONs on one HEADERS, connections: ${connections}`, async () => {
      const attack = { attack: 'continuation-flood', count: 20_000, connections };
      await siege.withstand(attack, { closedWithin: 1000, recorded: [broken] });
    });

  // A handshake takes the attacker's half core some milliseconds.
  const count = isLong ? 10_000 : 300;
  it(`${count} connections cut in the middle of a header block`, async () => {
    await siege.withstand({ attack: 'cut-blocks', count, ...(isLong && { seconds: 120 }) }, {});
  });
});
