import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../fakes/two-clusters.ts';

const access = (
  name: string,
  effect: string,
  target: string,
  rules: string,
) => `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: ${name} }
spec: { effect: ${effect}, target: ${target}, rules: ${rules} }
`;
const traffic = (spec: string, name = 'cart') => `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { namespace: shop, name: ${name} }
spec: ${spec}
`;
const shop = '{ namespace: shop }';

describe('what has no effect is a warning with its field at once, and what cannot be meant is refused', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const warned = async (line: string, input = '') => {
    const { status, out, err } = await federation.run(`${line} -o json`, { input });
    assert.equal(status, 0, err);
    const json = JSON.parse(out) as object;
    const [first] = (Array.isArray(json) ? json : [json]) as {
      warnings: { code: string; field: string[]; message: string }[];
    }[];
    return first!.warnings
      .filter(({ code }) => !['DURABILITY_UNKNOWN', 'FIRST_ALLOW'].includes(code))
      .map(({ code, field }) => [code, field.join('.')]);
  };

  const cases: Record<string, { file: string; expected: readonly (readonly string[])[] }> = {
    'a DENY of every call': {
      file: access('all', 'DENY', shop, '[{}]'),
      expected: [['DENIES_EVERYTHING', 'policy.access.rules.0']],
    },
    'an ALLOW of nothing': {
      file: access('none', 'ALLOW', shop, '[]'),
      expected: [['DENIES_EVERYTHING', 'policy.access.rules']],
    },
    'a REQUIRE that everybody meets': {
      file: access('any', 'REQUIRE', shop, '[{}]'),
      expected: [['NO_EFFECT', 'policy.access.rules.0']],
    },
    'a policy with an effect': { file: access('ok', 'DENY', shop, '[{ ports: [1] }]'), expected: [] },
    'a region that no node is in': {
      file: traffic('{ localityOrder: [REGION], regionFailover: [{ from: region-a, to: region-z }] }'),
      expected: [['REGION_UNKNOWN', 'regionFailover.0.to']],
    },
    'a traffic policy of a service that nobody has': {
      file: traffic('{ localityOrder: [REGION] }', 'crat'),
      expected: [['SERVICE_UNKNOWN', 'service']],
    },
  };
  for (const [what, { file, expected }] of Object.entries(cases))
    for (const dry of ['', ' --dry-run'])
      it(`${what}${dry}`, async () =>
        assert.deepEqual(await warned(`policy apply -f -${dry}`, file), expected));

  it('a policy whose namespace or labels select no workload of any cluster', async () => {
    const nowhere = access(
      'typo',
      'DENY',
      '{ namespace: shoop, labels: { app: carrt } }',
      '[{ ports: [1] }]',
    );
    const { out } = await federation.run('policy apply -f -', { input: nowhere });
    assert.match(out, /warning: no workload is in namespace shoop with the labels app=carrt/);
  });

  it('an export by a cluster that has no such service', async () => {
    assert.deepEqual(await warned('export shop/orders --clusters east,west'), [
      ['EXPORT_OF_NOTHING', 'clusters'],
    ]);
  });

  const refused: Record<string, { file: string; says: RegExp }> = {
    'a DENY without rules': {
      file: access('no', 'DENY', shop, '[]'),
      says: /use `- \{\}` to deny everything/,
    },
    'a failover of a region to itself': {
      file: traffic('{ localityOrder: [REGION], regionFailover: [{ from: region-a, to: region-a }] }'),
      says: /regionFailover\.0: from and to are two regions/,
    },
  };
  for (const [what, { file, says }] of Object.entries(refused))
    it(`refuses ${what}, and changes nothing`, async () => {
      const before = await federation.revision();
      const { status, err } = await federation.run('policy apply -f -', { input: file });
      assert.equal(status, 2);
      assert.match(err, says);
      assert.equal(await federation.revision(), before);
    });

  it('a traffic policy is deleted by the name of its service, and the error for a bare name says so', async () => {
    await federation.run('policy apply -f -', { input: traffic('{ localityOrder: [REGION] }') });
    const bare = await federation.run('policy delete cart');
    assert.equal(bare.status, 4);
    assert.match(bare.err, /isthmus policy delete shop\/cart/);
    assert.equal((await federation.run('policy delete shop/cart')).status, 0);
    assert.equal((await federation.run('policy delete shop/cart')).status, 4);
    assert.ok(!(await federation.run('policy list')).out.includes('shop/cart'));
  });
});
