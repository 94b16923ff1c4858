import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { keptNames } from '../../../federation/trust/kept-names.ts';

describe('the names that the certificate of the link has had', () => {
  let dir = '';
  const warned: string[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-names-'));
    warned.length = 0;
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const file = () => join(dir, 'link-names.json');
  const open = () =>
    keptNames(file(), { ...silentLog, warn: (_fields, message) => void warned.push(message) });

  it('are there after a restart', () => {
    assert.deepEqual(open().read(), []);
    open().write(['hub.example', '2001:db8::7']);
    assert.deepEqual(open().read(), ['hub.example', '2001:db8::7']);
    assert.deepEqual(warned, []);
  });

  for (const [what, text] of [
    ['no JSON', '["hub.exam'],
    ['no list', '{}'],
    ['a name that no certificate has', JSON.stringify(['hub.example', 'a b'])],
    ['a name that is too long', JSON.stringify(['a'.repeat(254)])],
    ['65 names', JSON.stringify(Array.from({ length: 65 }, (_, i) => `h${i}`))],
  ] as const)
    it(`are none of a file with ${what}, which stops no hub, and the log says so`, () => {
      writeFileSync(file(), text);
      assert.deepEqual(open().read(), []);
      assert.equal(warned.length, 1);
    });

  it('are not kept where they cannot be written, and the log says so', () => {
    mkdirSync(join(file(), 'in-the-way'), { recursive: true });
    open().write(['hub.example']);
    assert.equal(warned.length, 1);
  });
});
