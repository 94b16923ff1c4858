import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

describe('isthmus cluster namespaces', () => {
  let federation: TestFederation;
  beforeEach(async () => {
    federation = await startTestFederation();
  });
  afterEach(() => federation.stop());
  const namespaces = async () => {
    const { out } = await federation.run('clusters -o json');
    return (JSON.parse(out) as { name: string; namespaces: string[] | null }[]).find(
      ({ name }) => name === 'west',
    )?.namespaces;
  };

  it('sets those that are allowed, and all of them again', async () => {
    const { status, out } = await federation.run('cluster namespaces west --allow shop,pay --yes');
    assert.equal(status, 0);
    assert.match(out, /^west may host identities of the namespaces shop, pay alone\n/);
    assert.match(
      out,
      /warning: identities of west in namespaces other than shop, pay are refused by every proxy/,
    );
    assert.deepEqual(await namespaces(), ['shop', 'pay']);
    assert.equal((await federation.run('cluster namespaces west --all --yes')).status, 0);
    assert.equal(await namespaces(), null);
  });

  it('says in a dry run what would follow, and before it asks, and changes nothing', async () => {
    const dry = await federation.run('cluster namespaces west --allow shop --dry-run');
    assert.match(
      dry.out,
      /^dry run: would allow west to host identities of the namespaces shop alone\n.*warning: /,
    );
    const asked = await federation.run('cluster namespaces west --allow shop', { answer: 'n' });
    assert.equal(asked.status, 1);
    assert.match(asked.err, /are refused by every proxy[^]*\? \[y\/N\] /);
    assert.equal(await namespaces(), null);
  });

  for (const [what, line, status, says] of [
    ['neither --allow nor --all', 'cluster namespaces west --yes', 2, /give --allow with names, or --all/],
    ['both', 'cluster namespaces west --allow shop --all --yes', 2, /cannot be used with/],
    [
      'a name that is none',
      'cluster namespaces west --allow Shop --yes',
      2,
      /namespaces\.0: a namespace's name/,
    ],
    ['a cluster that is not known', 'cluster namespaces nowhere --all --yes', 4, /isthmus clusters/],
  ] as const)
    it(`ends with ${status} for ${what}`, async () => {
      const ended = await federation.run(line);
      assert.equal(ended.status, status);
      assert.match(ended.err, says);
      assert.equal(await namespaces(), null);
    });
});
