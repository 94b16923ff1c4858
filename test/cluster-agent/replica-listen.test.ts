import assert from 'node:assert/strict';
import { replicaListenOf } from '@isthmus/cluster-agent/runtime-flags.ts';
import { readAddress } from '@isthmus/mesh/process/flags.ts';

describe('--replica-listen', () => {
  for (const [given, read] of [
    ['', undefined],
    ['10.0.0.1:15013', '10.0.0.1:15013'],
    // A chart does not know which kind of address its pod gets.
    ['[10.0.0.1]:15013', '10.0.0.1:15013'],
    ['[fd00::1]:15013', '[fd00::1]:15013'],
  ] as const)
    it(`${given === '' ? 'without a value' : given} is ${read === undefined ? 'no exchange' : read}`, () => {
      const address = () => readAddress(given) ?? assert.fail('no address');
      assert.equal(replicaListenOf({ text: () => given, address }), read);
    });
});
