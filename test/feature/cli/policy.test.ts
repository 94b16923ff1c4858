import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

const access = (name: string, spec = 'rules: [{ ports: [8082] }]') => `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: ${name} }
spec:
  effect: DENY
  target: { namespace: shop, labels: { app: cart } }
  ${spec}
`;
const traffic = `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { namespace: shop, name: cart }
spec: { localityOrder: [REGION, ZONE], regionFailover: [{ from: region-a, to: region-b }] }
`;

describe('isthmus policy', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const apply = (input: string, flags = '') =>
    federation.run(`policy apply -f -${flags === '' ? '' : ` ${flags}`}`, { input });
  const exists = async (name: string) => {
    const { data } = await federation.hub.ask<{ policy: object | null }>(
      `{ policy(name: "${name}") { name } }`,
    );
    return data!.policy !== null;
  };

  it('says that there is none before there is one', async () => {
    assert.match((await federation.run('policy list')).out, /there is no policy/);
  });

  it('stores what a file holds, lists it for people and for scripts, and deletes it', async () => {
    const applied = await apply(`---\n${access('from-file')}---\n${traffic}---\n`);
    assert.equal(applied.status, 0, applied.err);
    assert.match(applied.out, /^AccessPolicy from-file applied[^]*^TrafficPolicy shop\/cart applied/m);
    const { out } = await federation.run('policy list');
    assert.match(out, /^POLICY +EFFECT +NAMESPACE +SELECTS +RULES +REVISION +STATUS/);
    assert.match(out, /^from-file +DENY +shop +app=cart +to 8082 +\d+ +east:PENDING west:PENDING$/m);
    assert.match(out, /^shop\/cart +REGION ZONE +region-a to region-b +\d+$/m);
    const json = JSON.parse((await federation.run('policy list --output json')).out) as object[];
    assert.deepEqual(
      json.map((one) => ({ ...one, revision: 0, status: 0 })),
      [
        {
          kind: 'AccessPolicy',
          name: 'from-file',
          effect: 'DENY',
          revision: 0,
          status: 0,
          target: { namespace: 'shop', clusters: [], labels: [{ key: 'app', value: 'cart' }] },
          rules: [{ principals: [], namespaces: [], ports: [8082] }],
        },
        {
          kind: 'TrafficPolicy',
          namespace: 'shop',
          name: 'cart',
          revision: 0,
          status: 0,
          localityOrder: ['REGION', 'ZONE'],
          regionFailover: [{ from: 'region-a', to: 'region-b' }],
        },
      ],
    );
    assert.equal((await federation.run('policy delete from-file')).status, 0);
    const again = await federation.run('policy delete from-file');
    assert.equal(again.status, 4);
    assert.match(again.err, /isthmus policy list/);
  });

  it('stores nothing when one of several would be refused, and names that one and its field', async () => {
    const { status, err } = await apply(
      `${access('whole')}---\n${access('broken', 'rules: [{ ports: [70000] }]')}`,
    );
    assert.equal(status, 2);
    assert.match(err, /AccessPolicy broken: INVALID spec\.rules\.0\.ports\.0: [^]*nothing was applied/);
    assert.equal(await exists('whole'), false);
  });

  it('gives each document of a file an idempotency key of its own', async () => {
    const file = `${access('first')}---\n${access('second')}`;
    assert.equal((await apply(file, '--idempotency-key k')).status, 0);
    const before = await federation.revision();
    const again = await apply(file, '--idempotency-key k');
    assert.equal(again.status, 0, again.err);
    assert.equal(await federation.revision(), before);
    const { status, err } = await apply(access('third'), '--idempotency-key k/AccessPolicy/first');
    assert.equal(status, 5, err);
  });

  it('changes nothing in a dry run', async () => {
    const { status, out } = await apply(access('dry'), '--dry-run');
    assert.equal(status, 0);
    assert.match(out, /^dry run: would apply AccessPolicy dry/);
    assert.equal(await exists('dry'), false);
  });

  it('ends with 5 when the object has changed since it was read', async () => {
    await apply(access('seen'));
    const { status, err } = await apply(access('seen'), '--expected-revision 1');
    assert.equal(status, 5);
    assert.match(err, /AccessPolicy seen: STALE_REVISION.*read it again/);
    assert.equal((await apply(access('new'), '--expected-revision 0')).status, 0);
    const several = await apply(`${access('seen')}---\n${access('new')}`, '--expected-revision 1');
    assert.equal(several.status, 2);
  });

  const bad: Record<string, { file: string; says: RegExp }> = {
    'nothing at all': { file: '', says: /no policy/ },
    'only marks between documents': { file: '---\n---\n', says: /no policy/ },
    'what is not YAML': { file: 'a: [', says: /document 1/ },
    'an alias of nothing': { file: 'a: *b', says: /document 1: .*alias/ },
    'aliases without end': {
      file: [
        'a0: &a0 x',
        ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
      ].join('\n'),
      says: /document 1: .*alias/,
    },
    'a list': { file: '- a\n', says: /document 1.*map/ },
    'another version': { file: 'apiVersion: v1\nkind: Pod', says: /isthmus\.io\/v1alpha1, not "v1"/ },
    'another kind': { file: 'apiVersion: isthmus.io/v1alpha1\nkind: Pod', says: /TrafficPolicy, not "Pod"/ },
    'a kind of JavaScript': {
      file: 'apiVersion: isthmus.io/v1alpha1\nkind: constructor',
      says: /not "constructor"/,
    },
    'no metadata': {
      file: 'apiVersion: isthmus.io/v1alpha1\nkind: AccessPolicy\nmetadata: null\nspec: {}',
      says: /metadata is a map/,
    },
    'an empty spec': {
      file: 'apiVersion: isthmus.io/v1alpha1\nkind: AccessPolicy\nmetadata: { name: a }\nspec:',
      says: /spec is a map/,
    },
    'a namespace where none counts': {
      file: access('a').replace('{ name: a }', '{ name: a, namespace: shop }'),
      says: /metadata\.namespace is unknown/,
    },
    'an unknown field': { file: access('a').replace('effect', 'efect'), says: /spec\.efect is unknown/ },
    'a field of the mutation’s input': { file: `${access('a')}  dryRun: false\n`, says: /spec\.dryRun/ },
    'an unknown field within': {
      file: access('a', 'rules: [{ prts: [1] }]'),
      says: /AccessPolicy a: spec\.rules\[0\]: Field "prts"/,
    },
    'an effect that is none': {
      file: access('a').replace('DENY', 'FORBID'),
      says: /spec\.effect: Value "FORBID"/,
    },
    'one policy twice': { file: `${access('a')}---\n${access('a')}`, says: /document 2.*stands twice/ },
  };
  for (const [what, { file, says }] of Object.entries(bad))
    it(`refuses a file with ${what}, with status 2 and the place`, async () => {
      const before = await federation.revision();
      const { status, err } = await apply(file);
      assert.equal(status, 2, err);
      assert.match(err, says);
      assert.equal(await federation.revision(), before);
    });
});
