import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus export and unexport', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const shown = async () => (await federation.run('services')).out;

  it('lets others reach a service, and takes that back', async () => {
    const exported = await federation.run('export shop/private --clusters east');
    assert.equal(exported.status, 0, exported.err);
    assert.match(await shown(), /^shop\/private +east +yes/m);
    const back = await federation.run('unexport shop/private --yes');
    assert.equal(back.status, 0, back.err);
    assert.match(await shown(), /^shop\/private +east +no/m);
  });

  it('asks before other clusters lose a service', async () => {
    await federation.run('export shop/private');
    assert.equal((await federation.run('unexport shop/private')).status, 2);
    const { status, err } = await federation.run('unexport shop/private', { answer: 'n' });
    assert.equal(status, 1);
    assert.match(err, /lose shop\/private at once/);
    assert.match(await shown(), /^shop\/private +east +yes/m);
  });

  it('ends with 4 for a service or a cluster that is not there', async () => {
    const nowhere = await federation.run('export shop/nothing');
    assert.equal(nowhere.status, 4);
    assert.match(nowhere.err, /isthmus services/);
    assert.equal((await federation.run('export shop/cart --clusters nowhere')).status, 4);
    assert.equal((await federation.run('unexport nothing --yes')).status, 4);
  });
});
