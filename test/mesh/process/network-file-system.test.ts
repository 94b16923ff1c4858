import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { networkFileSystem } from '@isthmus/mesh/process/network-file-system.ts';

describe('the file system of a folder', () => {
  for (const [type, kind] of [
    [0x6969, 'NFS'],
    [0xff534d42, 'SMB'],
    [0xfe534d42 | 0, 'SMB'],
    [0x65735546, 'FUSE'],
    [0xef53, undefined],
    [0x58465342, undefined],
    [0x9123683e, undefined],
    [0x794c7630, undefined],
  ] as const)
    it(`of type 0x${(type >>> 0).toString(16)} is ${kind ?? 'a local one'}`, () =>
      assert.equal(
        networkFileSystem('/state', () => type),
        kind,
      ));

  it('is asked of the kernel', () => assert.doesNotThrow(() => networkFileSystem(tmpdir())));
});
