import assert from 'node:assert/strict';
import { Late } from '@isthmus/cluster-agent/late.ts';

describe('a part that is made later', () => {
  it('is read once it is made, and names itself to who reads it before', () => {
    const late = new Late<string>('link');
    assert.throws(() => late.part, { message: 'link was read before it was made' });
    assert.equal(late.set('made'), 'made');
    assert.equal(late.part, 'made');
  });
});
