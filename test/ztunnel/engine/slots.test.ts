import assert from 'node:assert/strict';
import { Slots } from '@isthmus/ztunnel/engine/slots.ts';

describe('ztunnel/engine slots', () => {
  it('are as many as there are, and come back once', () => {
    const slots = new Slots(2);
    const [one, two] = [slots.take(), slots.take()];
    assert.ok(one && two);
    assert.equal(slots.take(), undefined);
    one();
    one();
    assert.ok(slots.take());
    assert.equal(slots.take(), undefined);
  });
});
