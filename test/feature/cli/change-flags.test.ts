import assert from 'node:assert/strict';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

const policy = `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: deny }
spec: { effect: DENY, target: { namespace: shop }, rules: [{ ports: [1] }] }
`;

interface Case {
  readonly line: string;
  /** What must have been done before. */
  readonly after?: string;
  /** Whether the object has a revision to compare. */
  readonly revised: boolean;
  /** The same again can be distinguished from a repeat: what is shown once is not shown again. */
  readonly repeats: boolean;
}

const cases: readonly Case[] = [
  { line: 'token north', revised: false, repeats: false },
  { line: 'policy apply -f -', revised: true, repeats: true },
  { line: 'policy delete deny', after: 'policy apply -f -', revised: true, repeats: true },
  { line: 'export shop/private', revised: true, repeats: true },
  { line: 'unexport shop/private --yes', after: 'export shop/private', revised: true, repeats: true },
  { line: 'drain east --yes', revised: true, repeats: true },
  { line: 'undrain east --yes', after: 'drain east --yes', revised: true, repeats: true },
];

describe('what every change takes', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());
  const run = (line: string) => federation.run(line, { input: policy });
  const lastReason = async () => {
    const { data } = await federation.hub.ask<{ auditLog: { nodes: { reason: string }[] } }>(
      '{ auditLog(first: 1) { nodes { reason } } }',
    );
    return data!.auditLog.nodes[0]?.reason;
  };

  /** Not the store's revision: what a drain has begun comes to its end by itself, in its own time. */
  const lastDone = async () => {
    const { data } = await federation.hub.ask<{ auditLog: { nodes: { id: string }[] } }>(
      '{ auditLog(first: 1, filter: { outcomes: [DONE] }) { nodes { id } } }',
    );
    return data!.auditLog.nodes[0]?.id;
  };

  for (const { line, after: first, revised, repeats } of cases)
    it(line, async () => {
      if (first !== undefined) assert.equal((await run(first)).status, 0);
      const before = await federation.revision();
      const dry = await run(`${line} --dry-run`);
      assert.equal(dry.status, 0, dry.err);
      assert.match(dry.out, /^dry run: would /);
      if (revised) {
        const stale = await run(`${line} --expected-revision 9999`);
        assert.equal(stale.status, 5, stale.err);
        assert.match(stale.err, /STALE_REVISION/);
      }
      assert.equal(await federation.revision(), before);
      const flags = `--reason because --idempotency-key ${line.replaceAll(' ', '-')}`;
      const done = await run(`${line} ${flags}`);
      assert.equal(done.status, 0, done.err);
      assert.equal(await lastReason(), 'because');
      const changed = await lastDone();
      assert.equal((await run(`${line} ${flags}`)).status, repeats ? 0 : 5);
      assert.equal(await lastDone(), changed);
    });
});
