import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { renewAt, shouldRenew } from '@isthmus/mesh/pki/rotation.ts';
import { fileKeyProvider, seal, unseal, type KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

const keyOf = (byte: number): KeyProvider => ({ sealingKey: () => Buffer.alloc(32, byte) });
const sealed = () => seal('secret', 'root key of td', keyOf(1), systemRandom);
const refused = { code: 'UNSEAL_FAILED' };

describe('mesh/pki sealing', () => {
  it('gives back what was sealed, and seals it differently each time', () => {
    assert.equal(unseal(sealed(), 'root key of td', keyOf(1)), 'secret');
    assert.notEqual(sealed(), sealed());
    assert.doesNotMatch(Buffer.from(sealed(), 'base64').toString('latin1'), /secret/);
  });

  it('opens with no other key and for no other purpose', () => {
    assert.throws(() => unseal(sealed(), 'root key of td', keyOf(2)), refused);
    assert.throws(() => unseal(sealed(), 'link CA key', keyOf(1)), refused);
  });

  it('opens nothing that was changed or cut anywhere', () => {
    const bytes = Buffer.from(sealed(), 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 0x80;
      assert.throws(
        () => unseal(changed.toString('base64'), 'root key of td', keyOf(1)),
        refused,
        `byte ${at}`,
      );
      const cut = bytes.subarray(0, at).toString('base64');
      assert.throws(() => unseal(cut, 'root key of td', keyOf(1)), refused, `cut at ${at}`);
    }
  });

  describe('the file provider', () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'isthmus-seal-'))));
    afterEach(() => rmSync(folder, { recursive: true }));

    it('makes a 0600 file of 32 bytes once', () => {
      const provider = fileKeyProvider(join(folder, 'key'), systemRandom);
      const key = provider.sealingKey();
      assert.equal(key.length, 32);
      assert.equal(statSync(join(folder, 'key')).mode & 0o777, 0o600);
      assert.deepEqual(provider.sealingKey(), key);
      assert.deepEqual(readFileSync(join(folder, 'key')), key);
    });

    it('refuses a key that others can read, and one that was cut', () => {
      const path = join(folder, 'key');
      const provider = fileKeyProvider(path, systemRandom);
      provider.sealingKey();
      chmodSync(path, 0o640);
      assert.throws(() => provider.sealingKey(), { code: 'SEALING_KEY' });
      chmodSync(path, 0o600);
      writeFileSync(path, 'short');
      assert.throws(() => provider.sealingKey(), { code: 'SEALING_KEY' });
      assert.throws(() => unseal(sealed(), 'root key of td', provider), { code: 'SEALING_KEY' });
    });
  });
});

describe('mesh/pki rotation', () => {
  it('is due from half of a life to a tenth later, and never after the end', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 40),
        fc.integer({ min: 10, max: 2 ** 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (from, life, jitter) => {
          const to = from + life;
          const at = renewAt(from, to, jitter);
          assert.ok(at >= from + life / 2 && at <= from + life * 0.6 + 1);
          assert.equal(shouldRenew(at, from, to, jitter), true);
          assert.equal(shouldRenew(from, from, to, jitter), false);
          assert.equal(shouldRenew(to, from, to, jitter), true);
        },
      ),
    );
  });
});
