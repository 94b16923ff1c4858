import assert from 'node:assert/strict';
import { Admission, type Place } from '../../../federation/link/admission.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the admission of links', () => {
  const world = (links: number) => {
    const clock = new FakeClock();
    const admission = new Admission(clock);
    const opened: number[] = [];
    const places: Place[] = [];
    const enter = () => {
      const link = places.length;
      places.push(admission.enter(() => opened.push(link)));
    };
    for (let i = 0; i < links; i++) enter();
    const counts = () => [admission.opening, admission.waiting];
    return { clock, admission, opened, places, enter, counts };
  };

  for (const [links, opening, waiting] of [
    [63, 63, 0],
    [64, 64, 0],
    [65, 64, 1],
  ] as const)
    it(`of ${links} that come at once lets ${opening} open`, () => {
      const { opened, counts } = world(links);
      assert.deepEqual(counts(), [opening, waiting]);
      assert.equal(opened.length, opening);
    });

  it('lets them open in the order in which they came, one for each that is whole', () => {
    const { opened, places, counts } = world(70);
    places[10]?.leave();
    places[3]?.leave();
    assert.deepEqual(opened.slice(64), [64, 65]);
    assert.deepEqual(
      [places[10]?.state, places[65]?.state, places[66]?.state],
      ['OPEN', 'OPENING', 'WAITING'],
    );
    places[10]?.leave();
    assert.deepEqual(counts(), [64, 4]);
  });

  it('lets a link that waits no more keep its successors’ order', () => {
    const { opened, places } = world(67);
    places[64]?.leave();
    places[0]?.leave();
    assert.deepEqual(opened.slice(64), [65]);
  });

  it('gives the place of a link that is not whole after 2 s to the next', async () => {
    const { clock, opened, places } = world(65);
    await clock.advance(1999);
    assert.equal(opened.length, 64);
    await clock.advance(1);
    assert.deepEqual([opened.length, places[0]?.state, places[64]?.state], [65, 'OPEN', 'OPENING']);
    await clock.advance(2000);
    assert.equal(places[64]?.state, 'OPEN');
    assert.equal(clock.pending, 0);
  });

  it('keeps nothing of links that have left', () => {
    const { clock, places, counts } = world(100);
    for (const place of places) place.leave();
    assert.deepEqual([...counts(), clock.pending], [0, 0, 0]);
  });
});
