import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '@isthmus/mesh/process/version.ts';

const root = join(import.meta.dirname, '../../..');

describe('the version', () => {
  for (const file of globSync(['package.json', '*/package.json'], { cwd: root }))
    it(`is that of ${file}`, () => {
      const { version: written } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { version: string };
      assert.equal(written, version);
    });
});
