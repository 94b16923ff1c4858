import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

describe('mesh/process/log', () => {
  it('writes JSON lines in which nothing moves the cursor of a terminal, and that say what was logged', () => {
    const foreign = 'a\u001b[2Jb\u009b2Jc\u007fd\u202ee\nf';
    const script = `import { createLog } from '@isthmus/mesh/process/log.ts';
      createLog('test').info({ peer: ${JSON.stringify(foreign)} }, 'refused');`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.doesNotMatch(stdout, /(?!\n$)[\p{Cc}\p{Bidi_Control}]/u);
    const { peer, msg } = JSON.parse(stdout) as { peer: string; msg: string };
    assert.deepEqual([peer, msg], [foreign, 'refused']);
  });
});
