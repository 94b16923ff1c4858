import assert from 'node:assert/strict';
import { asOf, lines, table } from '../../cli/print.ts';

describe('cli/print', () => {
  it('aligns columns under their heading and leaves no blanks at the end', () => {
    assert.equal(
      table(
        ['name', 'as of'],
        [
          ['a', 'now'],
          ['longer', 12],
        ],
      ),
      'NAME    AS OF\na       now\nlonger  12',
    );
  });

  it('lets nothing that a cluster reports move the cursor or break a line', () => {
    for (const foreign of ['\u001b[2J', 'a\nb', 'a\tb', '\u0085', '\u009b2J', '\u007f'])
      assert.match(table(['x'], [[foreign]]), /^X\n[^\p{Cc}]+$/u);
  });

  it('leaves out lines that are not there', () => assert.equal(lines('a', undefined, '', 'b'), 'a\nb'));

  it('says how old is what a cluster that is away has reported', () => {
    assert.equal(asOf({ reachable: true, asOf: '2026-01-01T00:00:00.123Z' }), 'now');
    assert.equal(asOf({ reachable: false, asOf: '2026-01-01T00:00:00.123Z' }), '2026-01-01T00:00:00Z');
    assert.equal(asOf({ reachable: false, asOf: null }), 'never');
  });
});
