import { broken, overResets, Siege } from './siege.ts';

const recorded = [broken, overResets];

describe('S1, rapid reset (CVE-2023-44487)', () => {
  let siege: Siege;
  before(async () => {
    siege = await Siege.begin();
  });
  after(() => siege.end());

  for (const connections of [1, 50]) {
    const those = connections === 1 ? 'one connection' : `${connections} connections of one identity`;
    it(`on ${those}, as fast as it goes`, async () => {
      await siege.withstand({ attack: 'rapid-reset', connections }, { closedWithin: 1000, recorded });
    });

    it(`on ${those}, few at once`, async () => {
      const attack = { attack: 'rapid-reset', variant: 'paced', connections };
      await siege.withstand(attack, { closedWithin: 1000, recorded });
    });
  }

  it('on a new connection 500 times a second', async () => {
    await siege.withstand({ attack: 'reconnect' }, { recorded });
  });
});
