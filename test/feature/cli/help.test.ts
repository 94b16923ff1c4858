import assert from 'node:assert/strict';
import { run } from '../../fakes/command-line.ts';

const changing = [
  'token',
  'drain',
  'undrain',
  'export',
  'unexport',
  'policy apply',
  'policy delete',
  'failover execute',
  'failover undo',
];
const looking = ['clusters', 'services', 'workloads', 'policy list', 'trust show', 'failover simulate'];
const askingFirst = ['drain', 'undrain', 'unexport', 'failover execute', 'failover undo'];

describe('the command line’s help', () => {
  it('lists every command, with status 0', async () => {
    const { status, out } = await run(['--help']);
    assert.equal(status, 0);
    for (const command of ['up', 'tour', 'policy', 'failover', 'trust', ...changing, ...looking].filter(
      (one) => !one.includes(' '),
    ))
      assert.match(out, new RegExp(`^  ${command}\\b`, 'm'));
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
