import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

interface Finding {
  readonly severity: string;
  readonly reason: string;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly remedy: string;
}

const policy = `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: deny }
spec: { effect: DENY, target: { namespace: shop }, rules: [{ ports: [1] }] }
`;

describe('isthmus check', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const json = async (line: string) => {
    const ended = await federation.run(`check ${line} -o json`.replace('  ', ' '));
    return { ...ended, findings: JSON.parse(ended.out) as Finding[] };
  };

  it('lists what the hub and the agents know, gravest first, each with a remedy', async () => {
    await federation.run('policy apply -f -', { input: policy });
    await federation.run('drain east --percent 30 --yes --reason drill');
    const { findings, status } = await json('');
    const ranks = findings.map(({ severity }) => ['ERROR', 'WARNING', 'INFO'].indexOf(severity));
    assert.deepEqual(
      ranks,
      [...ranks].sort((a, b) => a - b),
    );
    for (const reason of ['POLICY_PENDING', 'DRAIN_IN_FORCE'])
      assert.ok(
        findings.some((one) => one.reason === reason && one.remedy !== ''),
        reason,
      );
    assert.equal(status, ranks[0] === 0 ? 1 : 10);
    const { out } = await federation.run('check');
    assert.match(out, /^WARNING POLICY_PENDING: AccessPolicy deny in west\n {2}\S.*\n {2}remedy: \S/m);
    assert.match(out, /^INFO DRAIN_IN_FORCE: Cluster east in east\n.*drill/m);
    assert.match(out, /\d+ errors, \d+ warnings, \d+ for information\n$/);
  });

  it('ends with 1 for errors, 10 for warnings and 0 for what is only for information', async () => {
    assert.equal((await json('--severity error')).status, 1);
    assert.equal((await json('--severity WARNING,INFO')).status, 10);
    const { status, findings } = await json('--severity INFO');
    assert.deepEqual([status, findings.length > 0], [0, true]);
    const nothing = await federation.run('check --namespace nowhere');
    assert.deepEqual([nothing.status, nothing.out], [0, 'no findings\n']);
  });

  it('shows only what is asked for', async () => {
    const west = await json('--cluster west');
    assert.ok(west.findings.length > 0 && west.findings.every(({ cluster }) => cluster === 'west'));
    const shop = await json('--namespace shop');
    assert.ok(shop.findings.length > 0 && shop.findings.every(({ namespace }) => namespace === 'shop'));
    const unknown = await federation.run('check --cluster nowhere');
    assert.equal(unknown.status, 4);
    assert.match(unknown.err, /no cluster 'nowhere'/);
    const wrong = await federation.run('check --severity grave');
    assert.equal(wrong.status, 2);
    assert.match(wrong.err, /ERROR, WARNING, INFO/);
  });

  it('is read in pages', async () => {
    const query = '{ insights(first: 1) { totalCount nodes { reason } pageInfo { hasNextPage endCursor } } }';
    const { data } = await federation.hub.ask<{
      insights: { totalCount: number; nodes: Finding[]; pageInfo: { endCursor: string } };
    }>(query);
    const { totalCount, nodes, pageInfo } = data!.insights;
    assert.ok(totalCount > 1);
    const next = await federation.hub.ask<{ insights: { nodes: Finding[] } }>(
      'query($after: String) { insights(first: 100, after: $after) { nodes { reason } } }',
      { after: pageInfo.endCursor },
    );
    assert.equal(next.data!.insights.nodes.length, totalCount - nodes.length);
  });
});
