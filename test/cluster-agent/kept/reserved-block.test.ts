import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressFor, isIn, reservedBlock } from '@isthmus/cluster-agent/kept/reserved-block.ts';

function block(text: string) {
  const read = reservedBlock(text);
  assert.ok(read.ok, text);
  return read.value;
}
const nothingTaken = () => false;

describe('the block of addresses for services that are only elsewhere', () => {
  for (const [text, isTaken] of [
    ['240.0.0.0/7', false],
    ['240.0.0.0/8', true],
    ['240.0.0.0/12', true],
    ['240.0.0.0/29', true],
    ['240.0.0.0/30', false],
    ['240.0.0.1', false],
    ['fd00::/64', false],
    ['240.0.0.0/x', false],
    ['', false],
  ] as const)
    it(`${isTaken ? 'may be' : 'is never'} '${text}'`, () => assert.equal(reservedBlock(text).ok, isTaken));

  it('gives each service the same address, which is in it, and neither its first nor its last', () =>
    fc.assert(
      fc.property(fc.string(), (service) => {
        const address = addressFor(service, block('240.0.0.0/29'), nothingTaken) ?? '';
        assert.equal(addressFor(service, block('240.0.0.0/29'), nothingTaken), address);
        assert.match(address, /^240\.0\.0\.[1-6]$/);
        assert.ok(isIn(address, block('240.0.0.0/29')));
      }),
    ));

  it('gives no address twice, and none when all are taken', () => {
    const taken = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const address = addressFor(`s-${i}`, block('240.0.0.8/29'), (one) => taken.has(one));
      assert.ok(address !== undefined && !taken.has(address));
      taken.add(address);
    }
    assert.equal(
      addressFor('s-6', block('240.0.0.8/29'), (one) => taken.has(one)),
      undefined,
    );
  });

  it('has neither its edges nor what is no address', () => {
    const of = block('240.0.0.9/29');
    for (const [address, is] of [
      ['240.0.0.8', false],
      ['240.0.0.9', true],
      ['240.0.0.14', true],
      ['240.0.0.15', false],
      ['240.0.0.16', false],
      ['240.0.0', false],
      ['240.0.0.x', false],
      ['', false],
    ] as const)
      assert.equal(isIn(address, of), is, address);
  });
});
