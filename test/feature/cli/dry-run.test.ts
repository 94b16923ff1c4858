import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

const deny = `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: deny }
spec: { effect: DENY, target: { namespace: shop }, rules: [{ ports: [1] }] }
`;
const traffic = `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { namespace: shop, name: cart }
spec: { localityOrder: [REGION] }
`;

/** Every value under a name that ends in id, wherever it stands. */
const idsIn = (json: unknown): readonly unknown[] =>
  typeof json !== 'object' || json === null
    ? []
    : Object.entries(json).flatMap(([key, value]) =>
        /id$/i.test(key) && typeof value === 'string' ? [value] : idsIn(value),
      );

describe('what a dry run and a repeat print', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  const plan = async () => {
    const { out } = await federation.run('failover simulate --from-cluster east');
    return /isthmus failover execute (\S+)/.exec(out)?.[1] ?? '';
  };
  const lines: Record<string, () => Promise<string>> = {
    'failover execute': async () => `failover execute ${await plan()}`,
    drain: () => Promise.resolve('drain east'),
    token: () => Promise.resolve('token north'),
    export: () => Promise.resolve('export shop/private'),
    'policy apply': () => Promise.resolve('policy apply -f -'),
  };
  for (const [what, line] of Object.entries(lines))
    it(`a dry run of ${what} has dryRun: true and no id of what does not exist`, async () => {
      const before = await federation.revision();
      const { status, out, err } = await federation.run(`${await line()} --dry-run -o json`, { input: deny });
      assert.equal(status, 0, err);
      const json = JSON.parse(out) as unknown;
      const [first] = (Array.isArray(json) ? json : [json]) as { dryRun: boolean }[];
      assert.equal(first?.dryRun, true);
      assert.deepEqual(idsIn(json), []);
      assert.equal(await federation.revision(), before);
    });

  const repeats: Record<string, { line: string; input?: string; says: RegExp }> = {
    'an access policy': { line: 'policy apply -f -', input: deny, says: /^AccessPolicy deny unchanged$/m },
    'a traffic policy': {
      line: 'policy apply -f -',
      input: traffic,
      says: /^TrafficPolicy shop\/cart unchanged$/m,
    },
    'an export': { line: 'export shop/private', says: /^the export of shop\/private unchanged$/m },
    'a drain': { line: 'drain east --percent 30 --yes', says: /^the drain of east unchanged$/m },
  };
  for (const [what, { line, input = '', says }] of Object.entries(repeats))
    it(`${what} that is applied again makes no revision and is called unchanged`, async () => {
      assert.equal((await federation.run(line, { input })).status, 0);
      const before = await federation.revision();
      const again = await federation.run(line, { input });
      assert.equal(again.status, 0, again.err);
      assert.match(again.out, says);
      assert.equal(await federation.revision(), before);
      const dry = await federation.run(`${line} --dry-run`, { input });
      assert.match(dry.out, /^dry run: .* would be unchanged/);
    });
});
