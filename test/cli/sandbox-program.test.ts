import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sandboxProgram } from '../../cli/commands/sandbox.ts';
import { exit } from '../../cli/exit.ts';
import { programFolders } from '../../image/files.ts';

describe('the programs of the sandbox', () => {
  const root = join(import.meta.dirname, '../..');

  it('are found in a clone of the repository', () => {
    for (const script of ['sandbox/main.ts', 'sandbox/tour/main.ts'])
      assert.ok(existsSync(sandboxProgram(root, script)));
  });

  it('are not in the image, where isthmus up says so', () => {
    assert.ok(!programFolders.includes('sandbox'));
    assert.throws(() => sandboxProgram(join(root, 'image'), 'sandbox/main.ts'), {
      status: exit.failed,
      message: /not part of this installation: .* --url/,
    });
  });
});
