import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus rejections', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  it('shows the whole list, gravest first, also when it is longer than a page', async () => {
    const { status, out } = await federation.run('rejections east');
    assert.equal(status, 0);
    const [heading, first, ...others] = out.trimEnd().split('\n');
    assert.match(heading ?? '', /^SEVERITY +CODE +OBJECT +FIELD +AT +MESSAGE$/);
    assert.match(first ?? '', /^ERROR +INVALID_FIELD +Pod shop\/odd +spec +shop\/odd\.yaml:3 +it is odd$/);
    assert.equal(new Set(others).size, 120);
  });

  it('shows those of one severity', async () => {
    const { out } = await federation.run('rejections east --severity ERROR --output json');
    assert.deepEqual(
      (JSON.parse(out) as { object: string }[]).map(({ object }) => object),
      ['Pod shop/odd'],
    );
    const none = await federation.run('rejections east --severity INFO');
    assert.match(none.out, /east has no such rejections/);
  });

  it('ends with 4 when there is no such cluster, and with 2 when there is no such severity', async () => {
    assert.equal((await federation.run('rejections nowhere')).status, 4);
    assert.equal((await federation.run('rejections east --severity GRAVE')).status, 2);
  });
});
