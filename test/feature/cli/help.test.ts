import assert from 'node:assert/strict';
import { run } from '../../fakes/command-line.ts';

const changing = [
  'approve-export',
  'cluster namespaces',
  'token create',
  'token revoke',
  'drain start',
  'undrain',
  'revoke',
  'remove',
  'export',
  'unexport',
  'policy apply',
  'policy delete',
  'failover execute',
  'failover undo',
];
const looking = [
  'failover list',
  'drain list',
  'token list',
  'operations',
  'audit',
  'rejections',
  'check',
  'clusters',
  'services',
  'workloads',
  'proxies',
  'policy list',
  'trust show',
  'failover simulate',
];
const askingFirst = [
  'drain start',
  'undrain',
  'unexport',
  'failover execute',
  'failover undo',
  'revoke',
  'remove',
  'cluster namespaces',
];

/** Every command that has no further ones below it, as --help lists them. */
async function leaves(path: readonly string[]): Promise<readonly string[]> {
  const { out } = await run([...path, '--help']);
  const [, listed = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(out) ?? [];
  const names = [...listed.matchAll(/^ {2}([a-z]\S*)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  if (names.length === 0) return [path.join(' ')];
  return (await Promise.all(names.map((name) => leaves([...path, name])))).flat();
}

describe('the command line’s help', () => {
  it('lists every command, with status 0', async () => {
    const { status, out } = await run(['--help']);
    assert.equal(status, 0);
    for (const command of [
      'up',
      'tour',
      'policy',
      'failover',
      'trust',
      'token',
      'drain',
      ...changing,
      ...looking,
    ].filter((one) => !one.includes(' ')))
      assert.match(out, new RegExp(`^  ${command}\\b`, 'm'));
  });

  it('of every command is in this table', async () => {
    const sandbox = ['up', 'tour'];
    assert.deepEqual([...(await leaves([]))].sort(), [...changing, ...looking, ...sandbox].sort());
  });

  for (const command of [...changing, ...looking])
    it(`has for ${command} an example, the global flags and what the statuses mean`, async () => {
      const { status, out } = await run([...command.split(' '), '--help']);
      assert.equal(status, 0);
      assert.match(out, new RegExp(`^ .*isthmus ${command}`, 'm'));
      assert.match(out, /--instance.*--output/s);
      assert.match(out, /Exit status: 0 done, .*6 denied/);
    });

  for (const command of changing)
    it(`has for ${command} the flags that every change has`, async () => {
      const { out } = await run([...command.split(' '), '--help']);
      for (const flag of ['--dry-run', '--reason', '--expected-revision', '--idempotency-key'])
        assert.ok(out.includes(flag), flag);
      assert.equal(out.includes('--yes'), askingFirst.includes(command));
    });
});
